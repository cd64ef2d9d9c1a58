-- refused in protected: 22023: other encodings hide markers inside of characters
SET client_encoding TO 'SJIS';
