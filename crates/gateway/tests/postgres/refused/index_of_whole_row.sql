-- refused in protected: 42501: writing an index asks whether somebody is in there
INSERT INTO customer SELECT * FROM customer WHERE false;
