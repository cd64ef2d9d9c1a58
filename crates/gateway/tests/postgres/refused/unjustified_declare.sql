-- refused in unjustified: 42501: nobody has said why they are here
DECLARE c CURSOR WITH HOLD FOR TABLE customer;
