-- refused in protected: *: functions of PostgreSQL's server are not there
SELECT pg_read_file('/etc/passwd');
