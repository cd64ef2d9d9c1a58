-- allowed in protected: aggregates hold ciphertext
SELECT array_agg(email), string_agg(first_name, ','), min(phone), count(DISTINCT email) FROM customer;
