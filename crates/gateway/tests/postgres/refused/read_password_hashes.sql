-- refused in protected: 42501: verifiers are secrets
SELECT rolname, rolpassword FROM pg_authid;
