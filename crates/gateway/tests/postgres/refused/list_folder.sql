-- refused in protected: 42501: folders of the server are not listed
SELECT pg_ls_dir('.');
