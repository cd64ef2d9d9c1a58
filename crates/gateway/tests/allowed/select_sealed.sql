-- allowed in protected: ordinary statements work and personal data stays sealed
-- shows: pv1_
SELECT * FROM customer JOIN invoice ON customer.id = invoice.customer_id ORDER BY total;
