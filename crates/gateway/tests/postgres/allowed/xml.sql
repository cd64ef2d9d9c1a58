-- allowed in protected: XML holds ciphertext
-- shows: pv1_
SELECT query_to_json FROM (SELECT json_agg(c)::text AS query_to_json FROM customer c) q;
