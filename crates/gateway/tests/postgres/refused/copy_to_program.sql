-- refused in protected: 42501: a program of the server would carry rows away
COPY customer TO PROGRAM 'cat > /dev/null';
