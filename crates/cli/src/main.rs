//! The `privet` executable.

fn main() {}
