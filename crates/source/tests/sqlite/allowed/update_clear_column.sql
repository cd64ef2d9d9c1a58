UPDATE customer SET city = 'Rome' WHERE id = 1;
