-- refused in protected: 23514: plaintext in a sealed column
-- since: 15
MERGE INTO customer c USING (SELECT 1 AS id) x ON c.id = x.id WHEN MATCHED THEN UPDATE SET email = 'ada@example.com';
