-- allowed in decrypted: only a whole cell opens
-- shows: pv1_
-- hides: Adalaide
SELECT array_agg(first_name), json_agg(email), (1, first_name)::text FROM customer WHERE id = 1 GROUP BY first_name;
