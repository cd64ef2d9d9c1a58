-- 42501 the function `load_extension` is refused here
SELECT load_extension('/tmp/evil.so');
