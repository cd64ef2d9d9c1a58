-- refused in protected: 42501: tables are what the data map says
DROP TABLE customer;
