-- refused in decrypted: *: a decrypted session only reads
CREATE TABLE stolen AS SELECT * FROM customer;
