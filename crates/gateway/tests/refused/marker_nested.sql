-- refused in protected: 22023: a marker inside a marker is half a marker
SELECT id FROM customer WHERE email_px = '~eq:~eq:email:ada@example.com~:x~';
