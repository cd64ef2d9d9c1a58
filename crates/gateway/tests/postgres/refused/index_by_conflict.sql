-- refused in protected: 42501: writing an index asks whether somebody is in there
INSERT INTO customer (id, first_name) SELECT id, first_name FROM customer WHERE id = 1 ON CONFLICT (id) DO UPDATE SET email_px = '~eq:email:ben@example.com~';
