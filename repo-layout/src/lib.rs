//! From packages to signed apt and yum repositories, and back: verify.
