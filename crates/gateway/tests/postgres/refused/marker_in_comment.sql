-- refused in protected: 22023: plaintext in a comment reaches the log as well
SELECT 1 -- ~eq:email:ada@example.com
