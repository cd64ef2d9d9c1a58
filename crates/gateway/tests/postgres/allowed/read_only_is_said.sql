-- allowed in decrypted: the setting says what the role is
-- shows: on
SHOW default_transaction_read_only;
