-- a function of one's own
-- 
CREATE FUNCTION f(INT) RETURNS INT RETURN $1
