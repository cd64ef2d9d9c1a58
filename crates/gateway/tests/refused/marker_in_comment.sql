-- refused in protected: 22023: a comment is part of the statement
SELECT id /* ~eq:email:never ended */ FROM customer;
