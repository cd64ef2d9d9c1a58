-- allowed in decrypted: as bytes a value stays sealed
-- hides: ada@
SELECT CAST(email AS BLOB), CAST(email AS INTEGER), quote(email) FROM customer WHERE id = 1;
