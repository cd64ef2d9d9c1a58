-- 42501 `PRAGMA query_only` is refused here
PRAGMA query_only = OFF;
