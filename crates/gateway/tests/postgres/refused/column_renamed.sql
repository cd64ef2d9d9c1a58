-- refused in protected: 42501: columns are what the data map says
ALTER TABLE customer RENAME COLUMN email TO email2;
