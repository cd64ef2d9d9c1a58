-- allowed in protected: what others type is not shown to somebody else's role
-- shows: 0
SELECT count(*) FROM pg_stat_activity WHERE usename <> current_user AND query <> '<insufficient privilege>' AND usename IS NOT NULL;
