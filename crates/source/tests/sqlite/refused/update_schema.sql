-- 42000 table sqlite_master may not be modified
UPDATE sqlite_schema SET sql = replace(sql, 'RAISE', 'abs');
