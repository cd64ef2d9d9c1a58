-- refused in protected: 22023: how a literal ends is not negotiable
SET standard_conforming_strings = off;
