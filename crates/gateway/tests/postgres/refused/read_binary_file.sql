-- refused in protected: 42501: files of the server are not read
SELECT pg_read_binary_file('postgresql.conf');
