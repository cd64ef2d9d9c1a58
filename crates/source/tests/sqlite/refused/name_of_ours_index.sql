-- 42501 names that begin with `privet_` are Privet's own
CREATE INDEX privet_px_item_title ON item (title);
