-- refused in protected: *: no code from outside
SELECT load_extension('{dir}/evil.so');
