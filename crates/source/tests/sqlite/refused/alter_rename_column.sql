-- 42501 table `customer` has sealed columns and is not altered here
ALTER TABLE customer RENAME COLUMN email TO contact;
