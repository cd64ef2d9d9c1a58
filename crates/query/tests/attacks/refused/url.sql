-- an address as a table
-- not found
SELECT * FROM 'http://127.0.0.1/x.csv'
