//! A custom ruleset: reading never panics, and what a MAC covers is the file without the MAC, which reads as the same ruleset.
#![no_main]

use libfuzzer_sys::fuzz_target;
use module_logic::rulesets::CustomRuleset;

fuzz_target!(|data: &[u8]| {
    let Ok(parsed) = CustomRuleset::parse(data) else { return };
    let Some(seal) = parsed.seal else { return };
    let [line, rest] = seal.covered;
    assert!(data.starts_with(line) && data.ends_with(rest));
    assert_eq!(data.len(), line.len() + ", mac ".len() + 2 * seal.mac.len() + rest.len());
    let without = seal.covered.concat();
    let again = CustomRuleset::parse(&without).expect("the ruleset without its MAC");
    assert_eq!((again.ruleset, again.seal), (parsed.ruleset, None));
});
