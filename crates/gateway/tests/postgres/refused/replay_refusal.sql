-- refused in protected: 42601: our own token is nobody else's
privet_refused_0000000000000000_0x;
