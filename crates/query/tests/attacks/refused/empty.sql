-- nothing
-- 
;
