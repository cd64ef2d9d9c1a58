-- allowed in protected: the index finds one
-- shows: 2
SELECT id FROM customer WHERE email_px = '~eq:email:ben@example.com~';
