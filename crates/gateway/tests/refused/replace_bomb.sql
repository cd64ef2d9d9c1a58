-- refused in protected: *: memory is bounded
SELECT replace(hex(zeroblob(20000000)), '0', hex(zeroblob(10000)));
