-- refused in decrypted: *: a copy of the file elsewhere
VACUUM main INTO '{dir}/copy.sqlite';
