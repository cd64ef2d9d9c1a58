-- 42501 table `customer` has sealed columns and is not altered here
ALTER TABLE customer DROP COLUMN email_px;
