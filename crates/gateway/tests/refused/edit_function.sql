-- refused in protected: 42883: no programs
SELECT edit('x', 'sh');
