-- refused in protected: 42501: nothing runs when others write
CREATE RULE r AS ON UPDATE TO customer DO INSTEAD NOTHING;
