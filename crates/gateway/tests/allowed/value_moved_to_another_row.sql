-- allowed in protected: a value in another person's row is still its own person's
-- shows: pv1_
BEGIN; UPDATE customer SET note = (SELECT note FROM customer WHERE id = 1) WHERE id = 2; SELECT note FROM customer; ROLLBACK;
