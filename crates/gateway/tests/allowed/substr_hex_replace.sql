-- allowed in decrypted: a piece of a sealed value is no value
-- hides: ada@
SELECT substr(email, 2), substr(email, 1, 30), hex(email), replace(email, 'pv1_', ''), upper(email), email || ' '
FROM customer WHERE id = 1;
