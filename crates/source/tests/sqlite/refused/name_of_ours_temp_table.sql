-- 42501 names that begin with `privet_` are Privet's own
CREATE TEMP TABLE privet_unclean (empty);
