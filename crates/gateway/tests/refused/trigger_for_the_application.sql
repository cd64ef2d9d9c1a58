-- refused in protected: 42501: the application's next write would run it, where no guard of this session is
CREATE TRIGGER later AFTER UPDATE OF country ON customer BEGIN
    UPDATE customer SET email_px = 'px1_AAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE id = 2;
END;
