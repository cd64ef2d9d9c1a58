-- refused in protected: 0A000: what is not understood has no answer
SELECT query FROM pg_catalog.pg_stat_activity;
