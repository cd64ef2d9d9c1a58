-- refused in protected: 42501: files of the server are not read
SELECT pg_read_file('/etc/passwd');
