-- refused in protected: 42501: no code is loaded into the server
CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'getpid';
