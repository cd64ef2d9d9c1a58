-- allowed in protected: functions work on ciphertext
SELECT left(email, 20), reverse(email), md5(email), encode(email::bytea, 'base64'), upper(email) FROM customer;
