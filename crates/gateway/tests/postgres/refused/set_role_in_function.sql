-- refused in protected: 42501: the server refuses what no list could see
SELECT set_config('role', 'privet', false);
