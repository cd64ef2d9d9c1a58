-- 42501 table `customer` has sealed columns and is not altered here
ALTER TABLE CUSTOMER RENAME TO client;
