-- allowed in decrypted: an aggregate hands on one value whole, and it is the granted subject's
-- shows: ada@example.com
-- hides: ben@
SELECT max(email) FROM customer WHERE id = 1 UNION ALL SELECT min(email) FROM customer WHERE id = 2;
