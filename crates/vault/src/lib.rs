//! What may be revealed, to whom, and the record of it.
