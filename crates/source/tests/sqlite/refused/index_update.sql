-- P0001 column `email_px` holds a blind index and is not written by hand
UPDATE customer SET email_px = (SELECT email_px FROM customer WHERE id = 2) WHERE id = 1;
