-- refused in protected: 42501: writing an index asks whether somebody is in there
INSERT INTO customer (id, first_name, email_px) SELECT 9, first_name, email_px FROM customer WHERE id = 1;
