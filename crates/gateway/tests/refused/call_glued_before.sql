-- refused in unjustified: 42601: nothing rides along with a reason
SELECT email FROM customer; CALL privet.justify('customer cannot log in');
