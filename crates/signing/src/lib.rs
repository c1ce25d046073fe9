//! OpenPGP keys and signatures for packages and repositories.
