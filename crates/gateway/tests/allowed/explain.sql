-- allowed in protected: plans show no values
EXPLAIN QUERY PLAN SELECT email FROM customer WHERE email_px = '~eq:email:ada@example.com~';
