-- giving rights
-- 
GRANT SELECT ON logs TO PUBLIC
