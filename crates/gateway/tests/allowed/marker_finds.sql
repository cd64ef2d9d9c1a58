-- allowed in protected: a person is found by the address that they wrote from
-- shows: 2
SELECT id FROM customer WHERE email_px IN ('~eq:email:ben%40example.com~', '~eq:email:nobody@example.com~');
