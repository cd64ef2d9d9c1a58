-- refused in protected: *: files of the server are not written
SELECT lo_export(lo_create(0), '/tmp/privet-attack');
