//! Package and index formats, reading and writing side by side: ar, cpio, deb822, deb, Contents, rpm header, ELF needs.

pub mod ar;
pub mod contents;
pub mod cpio;
pub mod deb;
pub mod deb822;
pub mod difference;
pub mod elf;
pub mod rpm_header;
pub mod version_order;
pub mod xz;
