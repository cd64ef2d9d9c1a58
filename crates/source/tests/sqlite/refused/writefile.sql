-- 42883 no such function: writefile
SELECT writefile('/tmp/x', 'x');
