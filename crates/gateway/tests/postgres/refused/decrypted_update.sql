-- refused in decrypted: 25006: a decrypted connection reads
UPDATE customer SET visits = 0;
