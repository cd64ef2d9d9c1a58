-- refused in protected: *: pointers are not for clients
SELECT fts3_tokenizer('simple', x'0000000000000000');
