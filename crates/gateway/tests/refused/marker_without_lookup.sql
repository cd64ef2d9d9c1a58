-- refused in protected: 22023: only fields with a look-up
SELECT id FROM customer WHERE phone = '~eq:phone:%2B15550100~';
