-- refused in unjustified: 42501: the schema is shown to those with a reason
PRAGMA table_info(customer);
