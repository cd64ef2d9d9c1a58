-- a catalog's settings
-- not found
SELECT * FROM information_schema.df_settings
