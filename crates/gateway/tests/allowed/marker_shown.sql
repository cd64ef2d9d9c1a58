-- allowed in protected: what comes back is the blind index
-- shows: px1_
SELECT '~eq:email:ben@example.com~';
