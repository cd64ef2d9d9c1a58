-- refused in decrypted: 42883: opened values could go to a file
SELECT writefile('{dir}/out.txt', email) FROM customer;
