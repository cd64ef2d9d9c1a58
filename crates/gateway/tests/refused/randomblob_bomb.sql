-- refused in protected: *: memory is bounded
SELECT randomblob(1000000000);
