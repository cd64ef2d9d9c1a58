-- ending others
-- 
KILL 1
