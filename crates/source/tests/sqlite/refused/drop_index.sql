-- 42501 index `privet_px_customer_email` belongs to Privet
DROP INDEX privet_px_customer_email;
