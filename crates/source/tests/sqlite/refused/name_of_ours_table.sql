-- 42501 names that begin with `privet_` are Privet's own
CREATE TABLE Privet_unclean (empty);
