-- refused in unjustified: 22023: nothing is no reason
CALL privet.justify('          ');
