-- refused in protected: *: modules can reach files
CREATE VIRTUAL TABLE temp.t USING csv(filename = '/etc/passwd');
