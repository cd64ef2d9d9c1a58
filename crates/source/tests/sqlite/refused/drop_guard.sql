-- 42501 table `customer` has sealed columns: it and its guards are not dropped here
DROP TRIGGER privet_guard_update_customer;
