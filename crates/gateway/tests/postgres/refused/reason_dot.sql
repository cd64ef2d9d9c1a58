-- refused in unjustified: 22023: a dot is no reason
CALL privet.justify('.');
