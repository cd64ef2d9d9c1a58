-- allowed in protected: COPY shows ciphertext
SELECT 1;
