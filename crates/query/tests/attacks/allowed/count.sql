-- counting is not answered from what files say about themselves
-- 30
SELECT count(*) FROM logs
