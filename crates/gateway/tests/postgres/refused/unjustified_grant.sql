-- refused in unjustified: 42501: nobody has said why they are here
GRANT SELECT ON customer TO PUBLIC;
