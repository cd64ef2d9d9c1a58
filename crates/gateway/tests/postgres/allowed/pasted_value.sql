-- allowed in decrypted: a value is its person's wherever it lies
-- shows: pv1_
-- hides: Benedict
SELECT x FROM (SELECT first_name::text AS x FROM customer WHERE id = 2) y;
