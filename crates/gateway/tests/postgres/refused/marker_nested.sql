-- refused in protected: 22023: a marker in a marker
SELECT '~eq:~eq:email:a@example.com~';
