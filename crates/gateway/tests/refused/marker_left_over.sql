-- refused in protected: 22023: half a marker would carry its value to the engine
SELECT id FROM customer WHERE email_px = '~eq:email:someone at example';
