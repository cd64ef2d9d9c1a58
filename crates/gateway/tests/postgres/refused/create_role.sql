-- refused in protected: 42501: nobody makes roles here
CREATE ROLE friend LOGIN PASSWORD 'x';
