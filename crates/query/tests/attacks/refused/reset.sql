-- taking a setting back
-- 
RESET datafusion.execution.batch_size
