-- refused in protected: 42501: no code is loaded into the server
LOAD 'auto_explain';
