-- 42501 virtual tables are neither made nor dropped here
CREATE VIRTUAL TABLE temp.pages USING dbstat(main);
