-- refused in protected: *: patterns are bounded
SELECT hex(zeroblob(1000000)) LIKE '%' || hex(zeroblob(60000)) || '%_%_%_%_%';
