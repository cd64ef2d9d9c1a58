SELECT title FROM words WHERE words MATCH 'lamp'; INSERT INTO words VALUES ('a desk');
