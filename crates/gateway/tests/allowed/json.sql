-- allowed in decrypted: values inside of JSON stay sealed
-- hides: ada@
SELECT json_object('email', email), json_group_array(first_name), json_array(email) FROM customer WHERE id = 1;
