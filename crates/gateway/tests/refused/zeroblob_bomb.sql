-- refused in protected: *: memory is bounded
SELECT hex(zeroblob(1000000000));
