-- allowed in unjustified: what waits for a second person shows nothing of the source
-- hides: ada@example.com
CALL privet.requests();
