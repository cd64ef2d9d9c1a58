-- 42501 `PRAGMA wal_checkpoint` is refused here
PRAGMA wal_checkpoint(TRUNCATE);
