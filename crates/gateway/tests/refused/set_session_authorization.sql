-- refused in protected: 42501: everybody is who they are
SET SESSION AUTHORIZATION 'eve';
