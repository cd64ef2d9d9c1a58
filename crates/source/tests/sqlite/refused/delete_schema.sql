-- 42000 table sqlite_master may not be modified
DELETE FROM sqlite_schema WHERE type = 'trigger';
