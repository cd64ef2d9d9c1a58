-- 42501 table `customer` has sealed columns: it and its guards are not dropped here
DROP TRIGGER PRIVET_GUARD_UPDATE_CUSTOMER;
