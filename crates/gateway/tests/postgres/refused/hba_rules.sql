-- refused in protected: 42501: who may come from where is nobody's business here
SELECT * FROM pg_hba_file_rules;
