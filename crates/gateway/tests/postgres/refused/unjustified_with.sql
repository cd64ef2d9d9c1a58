-- refused in unjustified: 42501: nobody has said why they are here
WITH x AS (TABLE customer) SELECT * FROM x;
