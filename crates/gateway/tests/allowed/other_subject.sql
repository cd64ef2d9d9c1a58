-- allowed in decrypted: whose row a value lies in does not matter, only whose value it is
-- shows: ada@example.com
-- hides: ben@example.com
SELECT a.email, b.email FROM customer a JOIN customer b ON b.id = 2 WHERE a.id = 1;
