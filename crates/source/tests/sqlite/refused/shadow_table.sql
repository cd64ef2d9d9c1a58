-- 42000 table words_content may not be modified
DELETE FROM words_content;
