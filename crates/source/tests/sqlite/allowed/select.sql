SELECT c.id, c.email, city.city FROM customer c JOIN city USING (city) WHERE c.name LIKE 'pv1_%';
