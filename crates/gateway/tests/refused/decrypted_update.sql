-- refused in decrypted: *: opened values cannot be written back
UPDATE customer SET note = email;
