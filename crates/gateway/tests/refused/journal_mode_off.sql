-- refused in protected: *: how the file is kept safe is not the client's to say
PRAGMA journal_mode = OFF;
