-- refused in protected: 42501: rows are not published
CREATE PUBLICATION p FOR TABLE customer;
