-- 42501 the function `fts3_tokenizer` is refused here
SELECT fts3_tokenizer('simple', x'0000000000000000');
