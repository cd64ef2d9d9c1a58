-- allowed in protected: JSON holds ciphertext
-- shows: pv1_
SELECT to_json(c), row_to_json(c), jsonb_agg(c) FROM customer c GROUP BY c.*;
