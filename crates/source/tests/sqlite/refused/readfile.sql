-- 42883 no such function: readfile
SELECT readfile('/etc/passwd');
