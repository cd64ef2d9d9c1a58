-- 42501 `PRAGMA temp_store_directory` is refused here
PRAGMA temp_store_directory = '/tmp';
