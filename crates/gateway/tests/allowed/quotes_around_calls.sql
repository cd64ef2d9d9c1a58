-- allowed in protected: a call in a text is a text
-- shows: CALL privet.decrypt
SELECT 'CALL privet.decrypt(1)' -- CALL privet.encrypt()
