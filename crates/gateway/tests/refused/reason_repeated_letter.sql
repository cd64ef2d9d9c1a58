-- refused in unjustified: 22023: one letter is no reason
CALL privet.justify('xxxxxxxxxxxxxxxxxxxx');
