-- refused in protected: 42501: a file of the server would be read
COPY invoice FROM '/etc/passwd';
