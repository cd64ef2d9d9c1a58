-- allowed in protected: only the exact marker is one, and finds nobody otherwise
-- hides: pv1_
SELECT email FROM customer WHERE email_px = '~EQ:email:ada@example.com~';
