-- refused in protected: 42501: a copy of the file elsewhere
VACUUM INTO '{dir}/copy.sqlite';
