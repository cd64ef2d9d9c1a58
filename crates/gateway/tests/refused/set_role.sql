-- refused in protected: 42501: everybody is who they are
SET ROLE operator;
