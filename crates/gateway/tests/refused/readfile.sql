-- refused in protected: 42883: the file functions of the sqlite3 shell are not there
SELECT readfile('/etc/hostname');
