-- refused in protected: *: a column with another name would have no guard
ALTER TABLE customer RENAME COLUMN email TO mail;
