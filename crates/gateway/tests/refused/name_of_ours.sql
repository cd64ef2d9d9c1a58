-- refused in protected: 42501: what is called so says something about the adoption
CREATE TABLE privet_unclean (empty);
