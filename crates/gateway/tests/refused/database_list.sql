-- refused in protected: *: where the file lies is nobody's business
SELECT file FROM pragma_database_list;
