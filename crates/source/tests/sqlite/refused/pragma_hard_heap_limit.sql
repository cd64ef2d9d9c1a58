-- 42501 `PRAGMA hard_heap_limit` is refused here
PRAGMA hard_heap_limit = 0;
