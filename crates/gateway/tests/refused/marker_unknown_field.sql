-- refused in protected: *: only fields of the data map
SELECT id FROM customer WHERE email_px = '~eq:password:secret~';
