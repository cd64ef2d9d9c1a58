-- refused in unjustified: 42501: nobody has said why they are here
INSERT INTO invoice VALUES (1, 1);
