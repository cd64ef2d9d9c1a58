-- 42501 a trigger outlives this session and its guards: leave triggers to the application's migrations
CREATE TRIGGER later AFTER INSERT ON item BEGIN UPDATE customer SET email_px = NEW.title WHERE id = 1; END;
