-- 42501 `PRAGMA mmap_size` is refused here
PRAGMA mmap_size = 1000000000;
