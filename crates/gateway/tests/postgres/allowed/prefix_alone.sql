-- allowed in decrypted: a prefix is no value
-- shows: pv1_
SELECT 'pv1_', 'pv1_x', repeat('pv1_', 10000);
