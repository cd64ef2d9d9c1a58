-- 42501 `PRAGMA foreign_keys` cannot be set here
PRAGMA foreign_keys = OFF;
