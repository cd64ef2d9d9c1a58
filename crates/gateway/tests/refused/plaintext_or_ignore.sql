-- refused in protected: *: a conflict clause does not turn the guard off
UPDATE OR IGNORE customer SET email = 'eve@example.com' WHERE id = 1;
