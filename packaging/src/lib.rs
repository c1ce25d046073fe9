//! From binaries to packages: one definition, deb and rpm.
