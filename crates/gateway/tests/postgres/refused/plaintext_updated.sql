-- refused in protected: 23514: plaintext in a sealed column
UPDATE customer SET email = 'ada@example.com' WHERE id = 1;
