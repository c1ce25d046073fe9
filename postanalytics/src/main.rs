//! The postanalytics server and its console.

fn main() {}
