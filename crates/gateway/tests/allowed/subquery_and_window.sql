-- allowed in decrypted: the value itself opens wherever it comes from, nobody else's does
-- shows: ada@example.com
-- hides: ben@
SELECT (SELECT email FROM customer WHERE id = 1), first_value(email) OVER (ORDER BY id), lead(email) OVER (ORDER BY id)
FROM customer;
