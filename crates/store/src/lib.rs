//! Our own stores: SQLite and memory.
