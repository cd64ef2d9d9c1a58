-- allowed in protected: a value that claims to be sealed passes as it is
-- shows: pv1_AQFcY48dT
SELECT 'pv1_AQFcY48dT-9Lbvg6fYtoEAvcAAHBjotn30UDOHwfJ9yhgWFvU9bOzwipidIS_jp2GG9RlI47Leiiz0N6KOldnSYvl7YAlRyykLsJPnShr54';
