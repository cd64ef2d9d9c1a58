-- 42501 table `customer` has sealed columns: it and its guards are not dropped here
DROP TRIGGER temp.privet_insert_0_0;
