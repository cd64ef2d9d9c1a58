//! Sealed values, blind indexes and the key hierarchy.
