INSERT INTO item (title) VALUES ('chair') RETURNING id;
