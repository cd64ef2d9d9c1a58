-- refused in unjustified: 42501: what passes does not open the way for the rest
SET application_name = 'x'; SELECT email FROM customer;
