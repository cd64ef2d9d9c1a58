-- 42501 names that begin with `privet_` are Privet's own
CREATE TEMP TRIGGER privet_insert_7_0 AFTER INSERT ON item BEGIN SELECT 1; END;
