-- refused in protected: 42501: a file of the server would hold rows
COPY customer TO '/tmp/privet-attack';
