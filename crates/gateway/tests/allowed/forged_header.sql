-- allowed in decrypted: a changed value does not open
-- hides: ada@
SELECT substr(email, 1, length(email) - 1) || CASE substr(email, -1) WHEN 'A' THEN 'Q' ELSE 'A' END, 'pv1_' || substr(email, 6), 'pv1_', 'pv1_AAAA' FROM customer WHERE id = 1;
