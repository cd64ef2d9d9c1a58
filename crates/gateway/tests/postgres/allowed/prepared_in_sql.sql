-- allowed in protected: the record has the text at PREPARE
-- shows: pv1_
PREPARE p AS SELECT email FROM customer; EXECUTE p; DEALLOCATE p;
