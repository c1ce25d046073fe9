//! What is told of a request with attacks: a hit for each kind of attack.

use cloud_api::hit::{
    BlockStatus, Hit, HitId, LIST_LIMIT, PointStep, is_of_response, path, payload, point, stamps_hash, text,
};
use detection::attack::Attack;

use crate::mode::Mode;
use crate::record::{Blocked, Masking, Part, Record, URI_LIMIT};
use crate::verdict::BlockReason;

/// An attack that was found in a value.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its kind.
    pub attack: Attack,
    /// The point of the value, as a list in JSON.
    pub point: &'a str,
    /// The value.
    pub value: &'a [u8],
    /// Where in it the sign of the attack begins.
    pub sign: usize,
    /// The rules that found it.
    pub stamps: &'a [u32],
}

/// The hits of a request: one for each kind of attack, about the first sign of it. None of a clean request.
#[must_use]
pub fn hits(record: &Record<'_>, found: &[Found<'_>], masking: &dyn Masking) -> Vec<Hit> {
    let first = |attack| found.iter().find(|found| found.attack == attack);
    record.attack_type.iter().map(|attack| hit(record, attack, first(attack), masking)).collect()
}

fn hit(record: &Record<'_>, attack: Attack, found: Option<&Found<'_>>, masking: &dyn Masking) -> Hit {
    let request_id = text(record.request_id);
    let point: Vec<PointStep> = found.map(|found| steps(found.point)).unwrap_or_default();
    let stamps: Vec<u32> =
        found.map(|found| found.stamps.iter().take(LIST_LIMIT).copied().collect()).unwrap_or_default();
    let leaves = !is_of_response(&point);
    let value = found.filter(|_| leaves).map(|found| masked_payload(found, masking)).unwrap_or_default();
    Hit {
        id: HitId(request_id.clone(), attack.code().to_owned()),
        kind: attack.code().to_owned(),
        ip: text(record.remote.ip),
        remote_port: record.remote.port,
        size: record.response_size,
        statuscode: record.status,
        time: record.arrival.as_secs(),
        response_time: u64::try_from(record.response_time.as_millis()).unwrap_or(u64::MAX),
        value,
        point,
        stamps_hash: stamps_hash(&stamps),
        stamps,
        regex: Vec::new(),
        poolid: record.app_id,
        ip_blocked: matches!(record.blocked, Some(Blocked::Verdict(BlockReason::AclIp | BlockReason::AclSource))),
        block_status: block_status(record),
        request_id,
        protocol: record.scheme.to_owned(),
        path: masked_path(record.uri, masking),
        domain: text(record.host.unwrap_or_default()),
        node_uuid: vec![text(record.node_uuid)],
        attackid: Vec::new(),
    }
}

fn block_status(record: &Record<'_>) -> BlockStatus {
    BlockStatus::of(record.blocked.is_some(), matches!(record.mode, Mode::Block | Mode::SafeBlocking))
}

/// The part of a value that holds the sign of the attack, after masking.
fn masked_payload(found: &Found<'_>, masking: &dyn Masking) -> String {
    let mut value = found.value.to_vec();
    masking.mask(Part::Value, &mut value);
    payload(&value, found.sign)
}

/// The target without arguments, after masking.
fn masked_path(uri: &[u8], masking: &dyn Masking) -> String {
    let mut uri = uri.get(..URI_LIMIT).unwrap_or(uri).to_vec();
    masking.mask(Part::Uri, &mut uri);
    path(&uri)
}

/// The steps of a point. A list that is none has none.
fn steps(list: &str) -> Vec<PointStep> {
    point(serde_json::from_str::<Vec<PointStep>>(list).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use detection::attack::AttackSet;
    use proptest::prelude::*;

    use super::*;
    use crate::record::NoMasking;

    fn record(attacks: &[Attack]) -> Record<'static> {
        Record {
            app_id: 7,
            uri: b"/login?password=secret",
            attack_type: attacks.iter().copied().collect(),
            cpu: Duration::ZERO,
            mono: Duration::ZERO,
            ..crate::record::tests::record()
        }
    }

    fn found(attack: Attack, value: &[u8]) -> Found<'_> {
        Found { attack, point: r#"["query","id",1]"#, value, sign: 0, stamps: &[3, 900] }
    }

    fn of(attacks: &[Attack], found: &[Found<'_>]) -> Vec<Hit> {
        hits(&record(attacks), found, &NoMasking)
    }

    #[test]
    fn each_kind_of_attack_is_a_hit_about_its_first_sign() {
        let list = [found(Attack::Xss, b"one"), found(Attack::Sqli, b"two"), found(Attack::Xss, b"three")];
        let hits = of(&[Attack::Sqli, Attack::Xss], &list);
        let told: Vec<_> = hits.iter().map(|hit| (hit.kind.as_str(), hit.value.as_str(), hit.id.1.as_str())).collect();
        assert_eq!(told, [("xss", "one", "xss"), ("sqli", "two", "sqli")]);
        assert!(hits.iter().all(|hit| hit.id.0 == "0123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn a_clean_request_has_none() {
        assert!(of(&[], &[found(Attack::Xss, b"stray")]).is_empty());
    }

    #[test]
    fn a_hit_tells_of_the_request_and_its_response() {
        let hits = of(&[Attack::Sqli], &[found(Attack::Sqli, b"1 union select")]);
        let expected = serde_json::json!({
            "id": ["0123456789abcdef0123456789abcdef", "sqli"], "type": "sqli", "ip": "192.0.2.7", "remote_port": 40000,
            "size": 146, "statuscode": 403, "time": 1_700_000_000, "response_time": 12, "value": "1 union select",
            "point": ["query", "id", 1], "stamps": [3, 900], "stamps_hash": stamps_hash(&[3, 900]), "regex": [], "poolid": 7,
            "ip_blocked": false, "block_status": "blocked", "request_id": "0123456789abcdef0123456789abcdef",
            "protocol": "https", "path": "/login", "domain": "shop.example",
            "node_uuid": ["8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11"],
        });
        assert_eq!(hits.iter().map(|hit| serde_json::to_value(hit).unwrap()).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn an_attack_that_stands_nowhere_is_a_hit_without_a_payload() {
        let hits = of(&[Attack::OverlimitRes], &[]);
        assert_eq!(
            hits.iter().map(|hit| (hit.kind.as_str(), hit.value.len(), hit.point.len())).collect::<Vec<_>>(),
            [("overlimit_res", 0, 0)]
        );
    }

    #[test]
    fn what_stands_in_a_response_stays_here() {
        let leak = Found { point: r#"["response"]"#, ..found(Attack::Infoleak, b"root:x:0:0:") };
        let hits = of(&[Attack::Infoleak], &[leak]);
        assert!(!serde_json::to_string(&hits).unwrap().contains("root:x"), "{hits:?}");
        assert_eq!(hits.len(), 1);
    }

    /// Covers digits.
    struct Covering;

    impl Masking for Covering {
        fn mask(&self, _part: Part<'_>, value: &mut [u8]) {
            value.iter_mut().filter(|byte| byte.is_ascii_digit()).for_each(|byte| *byte = b'*');
        }
    }

    #[test]
    fn what_a_mask_covers_stays_covered() {
        let record = Record { uri: b"/card/4111?n=1", ..record(&[Attack::Sqli]) };
        let hits = hits(&record, &[found(Attack::Sqli, b"' or 4111=4111")], &Covering);
        assert_eq!(
            hits.iter().map(|hit| (hit.value.as_str(), hit.path.as_str())).collect::<Vec<_>>(),
            [("' or ****=****", "/card/****")]
        );
    }

    #[test]
    fn the_mode_says_what_a_request_that_passed_was() {
        let status = |blocked, mode| block_status(&Record { blocked, mode, ..record(&[]) });
        assert_eq!(status(None, Mode::Monitoring), BlockStatus::Monitored);
        assert_eq!(status(None, Mode::SafeBlocking), BlockStatus::Passed);
        assert_eq!(status(None, Mode::Block), BlockStatus::Passed);
        assert_eq!(status(Some(Blocked::RateLimit), Mode::Monitoring), BlockStatus::Blocked);
    }

    proptest! {
        #[test]
        fn any_bytes_make_a_hit(uri in prop::collection::vec(any::<u8>(), 0..3000), point in ".{0,40}") {
            let record = Record { uri: &uri, host: Some(&uri), ..record(&[Attack::Xss]) };
            let hits = hits(&record, &[Found { point: &point, ..found(Attack::Xss, &uri) }], &NoMasking);
            prop_assert_eq!(hits.len(), AttackSet::from_bits(Attack::Xss as u32).iter().count());
            prop_assert!(serde_json::to_vec(&hits).unwrap().len() < 20_000);
        }
    }
}
