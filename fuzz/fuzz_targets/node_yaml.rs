//! Any text as a `node.yaml`: reading never panics, and no message shows the text of a value.
#![no_main]

use std::path::Path;

use cloud_api::node_yaml::NodeYaml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let marked = format!("secret: hidden-from-messages\n{text}");
    if let Err(error) = NodeYaml::parse(&marked, Path::new("node.yaml")) {
        assert!(!error.to_string().contains("hidden-from-messages"));
    }
    let _ = NodeYaml::parse(text, Path::new("node.yaml"));
});
