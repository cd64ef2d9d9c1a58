-- refused in protected: *: pages are not read past the columns
SELECT data FROM sqlite_dbpage;
