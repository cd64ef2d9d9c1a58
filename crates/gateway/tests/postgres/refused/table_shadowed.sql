-- refused in protected: 42501: tables are what the data map says
CREATE TABLE public.customers (id int);
