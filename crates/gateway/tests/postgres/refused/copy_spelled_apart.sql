-- refused in protected: 42501: comments and case change nothing
/* x */ CoPy /* y */ (SELECT 1) -- z
 TO /**/ '/tmp/privet-attack';
