-- 42501 `PRAGMA journal_mode` cannot be set here
PRAGMA journal_mode = OFF;
