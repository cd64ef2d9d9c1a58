-- allowed in protected: other bytes are encoded
-- shows: 1
SELECT id FROM customer WHERE email_px = '~eq:email:ada%40example.com~';
