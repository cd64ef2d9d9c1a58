-- allowed in protected: plans hold what was typed
EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM customer WHERE email LIKE 'pv1%';
