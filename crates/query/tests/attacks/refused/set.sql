-- a setting
-- only questions
SET datafusion.execution.batch_size = 1
