//! HTML as a browser takes it apart.
