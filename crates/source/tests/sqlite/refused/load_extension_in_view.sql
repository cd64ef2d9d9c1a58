-- 42501 the function `load_extension` is refused here
CREATE TEMP VIEW v AS SELECT load_extension('/tmp/evil.so') AS x; SELECT * FROM v;
