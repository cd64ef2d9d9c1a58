-- refused in protected: *: the guard stands behind a view, too
CREATE TEMP VIEW v AS SELECT * FROM customer;
CREATE TEMP TRIGGER t INSTEAD OF UPDATE ON v BEGIN UPDATE customer SET email = NEW.email WHERE id = OLD.id; END;
UPDATE v SET email = 'eve@example.com' WHERE id = 1;
