-- refused in decrypted: 42501: the role cannot write, whatever the setting says
SET default_transaction_read_only = off;
-- second message
CREATE TABLE public.t AS SELECT * FROM customer;
