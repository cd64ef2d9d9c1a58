-- refused in protected: *: the database stays where it is
DETACH main;
