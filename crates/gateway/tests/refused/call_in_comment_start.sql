-- refused in unjustified: 42501: a call in a comment is none
/* CALL privet.justify('customer cannot log in') */ SELECT email FROM customer;
