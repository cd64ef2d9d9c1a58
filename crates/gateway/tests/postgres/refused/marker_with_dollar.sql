-- refused in protected: 22023: bytes that could change the statement
SELECT $$~eq:email:a$$b~$$;
