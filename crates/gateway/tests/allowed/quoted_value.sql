-- allowed in decrypted: a value in quotes is no value
-- hides: ada@example.com
SELECT quote(email), json_quote(email), '[' || email || ']' FROM customer WHERE id = 1;
