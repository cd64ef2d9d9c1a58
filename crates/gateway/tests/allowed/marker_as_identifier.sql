-- allowed in protected: wherever a marker stands, its value does not go on
-- hides: ben@example.com
SELECT 1 AS "~eq:email:ben@example.com~" FROM customer LIMIT 1;
