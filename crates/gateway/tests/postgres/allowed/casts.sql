-- allowed in protected: a cast opens nothing
SELECT first_name::varchar, email::bytea, CAST(phone AS char(20)) FROM customer;
