-- refused in protected: *: bytes are no sealed value
UPDATE customer SET email = x'657665406578616d706c652e636f6d' WHERE id = 1;
