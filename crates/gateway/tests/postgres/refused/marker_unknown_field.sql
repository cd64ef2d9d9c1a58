-- refused in protected: *: no such field
SELECT id FROM customer WHERE email_px = '~eq:nothing:ada@example.com~';
