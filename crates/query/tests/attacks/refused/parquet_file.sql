-- a data file
-- not found
SELECT * FROM 'logs/tenant=acme/day=2026-11-01/x.parquet'
