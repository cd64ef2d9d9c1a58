-- 42501 a trigger outlives this session and its guards: leave triggers to the application's migrations
CREATE TRIGGER later INSTEAD OF INSERT ON city BEGIN UPDATE customer SET email_px = NEW.city WHERE id = 1; END;
