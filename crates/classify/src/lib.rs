//! Data classes, value types and the data map.
