-- refused in protected: 42501/*: what connects the database with others is not installed here
CREATE EXTENSION postgres_fdw;
