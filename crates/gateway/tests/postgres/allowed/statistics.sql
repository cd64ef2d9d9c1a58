-- allowed in protected: statistics hold ciphertext
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'customer';
