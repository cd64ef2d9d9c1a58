-- allowed in protected: ordinary work goes on
UPDATE customer SET visits = visits + 1 WHERE id = 1;
