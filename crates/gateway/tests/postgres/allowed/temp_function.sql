-- allowed in protected: a function of one's own finds ciphertext
-- shows: pv1_
CREATE FUNCTION pg_temp.f() RETURNS SETOF text LANGUAGE sql AS 'SELECT email FROM public.customer'; SELECT pg_temp.f();
