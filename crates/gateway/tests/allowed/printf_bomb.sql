-- allowed in protected: more than the engine may hold becomes nothing
-- shows: NULL
SELECT printf('%.*c', 2000000000, 'x');
