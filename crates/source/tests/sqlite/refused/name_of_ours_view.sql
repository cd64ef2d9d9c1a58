-- 42501 names that begin with `privet_` are Privet's own
CREATE VIEW privet_guarded AS SELECT 1;
