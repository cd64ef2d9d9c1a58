-- refused in protected: 42501: what is typed here would go to the server's log
SET log_min_error_statement = 'error';
