-- refused in protected: *: the field has no index
SELECT id FROM customer WHERE first_name = '~eq:first_name:Ada~';
