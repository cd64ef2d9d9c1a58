-- allowed in protected: everything else can be written
-- shows: DE
UPDATE customer SET country = 'DE' WHERE id = 1 RETURNING country;
