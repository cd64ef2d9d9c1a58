-- refused in protected: 23514: plaintext in a sealed column
CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS $$ UPDATE public.customer SET first_name = 'Ada' $$; SELECT pg_temp.f();
