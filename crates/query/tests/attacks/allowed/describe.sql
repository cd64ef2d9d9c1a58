-- what columns there are, which the data map says
-- tenant
DESCRIBE logs
