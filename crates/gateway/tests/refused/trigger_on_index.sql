-- refused in protected: *: a trigger writes no blind index either
CREATE TEMP TRIGGER t AFTER UPDATE OF country ON customer BEGIN
    UPDATE customer SET email_px = 'px1_AAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE id = 2;
END;
UPDATE customer SET country = 'AU' WHERE id = 1;
