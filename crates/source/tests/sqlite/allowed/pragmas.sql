PRAGMA table_info(customer); PRAGMA index_list('customer'); PRAGMA foreign_keys; PRAGMA user_version; PRAGMA integrity_check;
