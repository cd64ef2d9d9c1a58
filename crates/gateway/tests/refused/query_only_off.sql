-- refused in decrypted: *: reading only is not for the client to end
PRAGMA query_only = OFF; UPDATE customer SET country = 'X';
