-- refused in protected: *: a sealed column takes no plaintext
UPDATE customer SET email = 'eve@example.com' WHERE id = 1;
