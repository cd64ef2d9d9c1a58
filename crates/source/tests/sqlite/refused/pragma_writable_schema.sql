-- 42501 `PRAGMA writable_schema` is refused here
PRAGMA writable_schema = ON;
