-- allowed in protected: markers in a list
-- shows: 1
SELECT count(*) FROM customer WHERE email_px IN ('~eq:email:ben@example.com~', '~eq:email:nobody@example.com~');
