-- refused in protected: 23514: the prefix alone makes no sealed value
UPDATE customer SET note = 'pv1_ada@example.com' WHERE id = 1;
