-- refused in protected: 22023: a marker that is none
SELECT 1 WHERE '~eq:email:ada@example.com' = '';
