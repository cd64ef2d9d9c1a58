-- 42501 `PRAGMA user_version` cannot be set here
PRAGMA user_version = 7;
