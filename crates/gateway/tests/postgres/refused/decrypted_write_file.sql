-- refused in decrypted: 42501: files of the server are not written
COPY (SELECT first_name FROM customer) TO '/tmp/privet-attack';
