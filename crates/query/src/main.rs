//! `privet-query`: answers SQL over telemetry, showing nobody but the people who agree to the purpose at that moment.
fn main() {}
