//! The OTLP door: takes logs, traces and metrics from ordinary OpenTelemetry SDKs, treats every attribute by the class that
//! the data map gives it, puts people's ids for telemetry in the place of their operational ids, and keeps what passes.
