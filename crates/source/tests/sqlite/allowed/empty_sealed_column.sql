UPDATE customer SET email = NULL, email_px = NULL WHERE id = 1;
