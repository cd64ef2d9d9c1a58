-- refused in protected: *: a unique index does not answer who is in there
INSERT INTO customer (id, first_name, email_px) VALUES (9, 'x', 'px1_AAAAAAAAAAAAAAAAAAAAAAAAAA');
