-- a transaction
-- BEGIN
BEGIN
