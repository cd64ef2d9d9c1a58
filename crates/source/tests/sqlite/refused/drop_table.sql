-- 42501 table `customer` has sealed columns: it and its guards are not dropped here
DROP TABLE customer;
