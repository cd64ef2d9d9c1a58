-- refused in decrypted: 42501: a URI is a file as well
ATTACH DATABASE 'file:{dir}/shop.sqlite?mode=rwc' AS again;
