-- allowed in decrypted: values that were compared and sorted open for the granted subject alone
-- shows: ada@example.com
-- hides: ben@
SELECT email FROM customer UNION SELECT email FROM customer ORDER BY 1;
