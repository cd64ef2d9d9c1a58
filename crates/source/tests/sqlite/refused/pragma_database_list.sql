-- 42501 `PRAGMA database_list` is refused here
PRAGMA database_list;
