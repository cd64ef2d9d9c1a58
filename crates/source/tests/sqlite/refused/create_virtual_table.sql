-- 42501 virtual tables are neither made nor dropped here
CREATE VIRTUAL TABLE copy USING fts5(email);
