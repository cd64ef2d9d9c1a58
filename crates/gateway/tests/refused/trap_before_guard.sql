-- refused in protected: 42501: a trigger that skips the guard would keep what an application writes in clear
CREATE TABLE stash (value);
CREATE TRIGGER trap BEFORE INSERT ON customer BEGIN
    INSERT INTO stash VALUES (NEW.email);
    SELECT RAISE(IGNORE);
END;
