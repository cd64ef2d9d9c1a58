CREATE TEMP TABLE found AS SELECT id FROM customer; SELECT count(*) FROM found; DROP TABLE found;
