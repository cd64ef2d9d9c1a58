-- loading a library
-- 
LOAD 'x.so'
