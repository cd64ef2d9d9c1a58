INSERT INTO customer (city) VALUES ('Rome');
