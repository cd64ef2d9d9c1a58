-- refused in protected: *: no files elsewhere
PRAGMA temp_store_directory = '{dir}';
