-- a comment is a comment
-- 165
SELECT sum(n) /* FROM everybody */ FROM logs -- ; DROP TABLE logs
