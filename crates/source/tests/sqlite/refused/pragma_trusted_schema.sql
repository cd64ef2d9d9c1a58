-- 42501 `PRAGMA trusted_schema` is refused here
PRAGMA trusted_schema = ON;
