-- refused in decrypted: 25006: a decrypted connection reads
CREATE TABLE t AS SELECT * FROM customer;
