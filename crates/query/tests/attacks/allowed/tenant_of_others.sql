-- a tenant of others by name
-- 0
SELECT count(*) FROM logs WHERE tenant = 'others'
