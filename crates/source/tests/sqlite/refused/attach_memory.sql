-- 42501 other files cannot be reached here: ATTACH, DETACH and VACUUM are refused
ATTACH ':memory:' AS other;
