-- refused in protected: 42501: files of the server are not read
SELECT lo_import('/etc/passwd');
