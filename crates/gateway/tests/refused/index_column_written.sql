-- refused in protected: *: blind indexes are written by Privet alone
UPDATE customer SET email_px = 'px1_AAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE id = 1;
