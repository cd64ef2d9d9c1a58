-- refused in protected: *: wherever the plaintext comes from
WITH typed AS (SELECT 'eve@example.com' AS email) UPDATE customer SET email = (SELECT email FROM typed) WHERE id = 1;
