-- allowed in protected: a column may be called so
SELECT 'CALL privet.encrypt()' AS "call privet.encrypt()";
