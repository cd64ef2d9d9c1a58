-- refused in protected: 42501: another file is none of this session's business
ATTACH '{dir}/other.sqlite' AS other;
