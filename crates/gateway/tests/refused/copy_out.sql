-- refused in decrypted: 0A000: COPY has no rows that are opened or recorded
COPY customer TO STDOUT;
