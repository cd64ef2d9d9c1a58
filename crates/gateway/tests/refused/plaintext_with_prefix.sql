-- refused in protected: *: the prefix alone makes no sealed value
UPDATE customer SET email = 'pv1_eve@example.com' WHERE id = 1;
