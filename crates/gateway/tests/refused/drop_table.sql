-- refused in protected: *: the table goes with its guards or not at all
DROP TABLE customer;
