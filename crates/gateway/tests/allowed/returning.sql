-- allowed in protected: what a change returns is sealed
-- shows: pv1_
UPDATE customer SET country = country RETURNING email, first_name;
