-- refused in protected: 42501: a program of the server would run
COPY invoice FROM PROGRAM 'echo 1';
