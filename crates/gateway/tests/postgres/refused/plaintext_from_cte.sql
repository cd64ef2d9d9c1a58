-- refused in protected: 23514: plaintext in a sealed column
WITH x AS (SELECT 'Ada' AS n) INSERT INTO customer (id, first_name) SELECT 9, n FROM x;
