//! The scan of one value at any place, and each detector on its own: they never panic, and their spans lie within the value.
#![no_main]

use std::sync::LazyLock;

use detection::detectors::Detector;
use detection::rules::Rules;
use detection::scan::{Matches, Place};
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::standard().expect("the rules of the node load"));

const PLACES: [Place; 6] =
    [Place::QueryValue, Place::Path, Place::ParameterName, Place::BodyValue, Place::UserAgent, Place::FileContent];

fuzz_target!(|data: &[u8]| {
    for detector in Detector::ALL {
        if let Some(span) = detector.confirm(data, Place::QueryValue) {
            assert!(data.get(span).is_some(), "{}", detector.name());
        }
    }
    for place in PLACES {
        let mut found = Matches::new();
        RULES.scan(data, place, true, &mut found);
        assert!(found.as_slice().iter().all(|hit| data.get(hit.span.clone()).is_some()));
    }
});
