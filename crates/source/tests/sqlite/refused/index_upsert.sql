-- P0001 column `email_px` holds a blind index and is not written by hand
INSERT INTO customer (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET email_px = 'px1_AAAAAAAAAAAAAAAAAAAAAAAA';
