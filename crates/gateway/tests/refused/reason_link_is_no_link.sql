-- refused in unjustified: 22023: a link leads somewhere
CALL privet.justify('customer cannot log in', 'ticket 4711');
