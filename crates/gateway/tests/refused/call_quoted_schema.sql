-- refused in protected: 42883: quoting changes nothing
CALL "privet"."grant_all"();
