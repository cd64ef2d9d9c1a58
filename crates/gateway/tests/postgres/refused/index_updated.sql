-- refused in protected: 42501: writing an index asks whether somebody is in there
UPDATE customer SET email_px = 'px1_x' WHERE id = 1;
