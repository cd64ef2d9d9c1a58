-- refused in protected: 22023: a marker cannot end a literal
SELECT id FROM customer WHERE email_px = '~eq:email:a'' OR 1=1 --~';
