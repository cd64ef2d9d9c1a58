-- refused in protected: 42501: nor does anything else take a name of Privet's
CREATE INDEX privet_px_invoice_total ON invoice (total);
