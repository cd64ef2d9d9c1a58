-- refused in decrypted: 25006: a decrypted connection reads
SELECT * INTO t FROM customer;
