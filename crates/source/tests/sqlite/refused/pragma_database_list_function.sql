-- 42501 `PRAGMA database_list` is refused here
SELECT * FROM pragma_database_list;
