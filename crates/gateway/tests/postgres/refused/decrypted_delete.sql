-- refused in decrypted: 25006: a decrypted connection reads
DELETE FROM invoice;
