-- allowed in protected: what comes back is the index
-- shows: px1_
SELECT '~eq:email:ada@example.com~';
