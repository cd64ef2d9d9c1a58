-- refused in protected: 42501: attaching anything is off
ATTACH ':memory:' AS scratch;
