EXPLAIN QUERY PLAN SELECT * FROM customer WHERE email_px = 'px1_x';
