-- 42501 virtual tables are neither made nor dropped here
DROP TABLE words;
