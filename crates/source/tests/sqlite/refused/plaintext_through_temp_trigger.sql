-- P0001 column `email` takes sealed values only
CREATE TEMP TRIGGER sneak AFTER INSERT ON item BEGIN UPDATE customer SET email = NEW.title; END; INSERT INTO item (title) VALUES ('eve@example.com');
