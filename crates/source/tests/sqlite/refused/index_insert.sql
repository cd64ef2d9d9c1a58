-- P0001 column `email_px` holds a blind index and is not written by hand
INSERT INTO customer (id, email_px) VALUES (3, 'px1_AAAAAAAAAAAAAAAAAAAAAAAA');
