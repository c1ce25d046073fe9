//! What is told of a request with attacks. It is the same that the module tells when it sends hits itself.

use cloud_api::hit::{
    self, BlockStatus, HitId, LIST_LIMIT, PointStep, TEXT_LIMIT, is_of_response, path, payload, stamps_hash, text,
};

use crate::kind::Kind;
use crate::moment::UnixMillis;
use crate::record::Record;
use crate::signs::Sign;

/// A hit that is to be exported.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// It as the API takes it: a [`hit::Hit`] in JSON.
    pub json: &'a [u8],
    /// The kind of attack.
    pub kind: Kind,
    /// When the request came.
    pub arrival: UnixMillis,
}

/// Makes a hit. An attack that stands nowhere, and behaviour, have no sign.
pub(crate) fn hit(
    record: &Record<'_>,
    kind: Kind,
    sign: Option<&Sign<'_>>,
    attacks: Vec<String>,
    wall: UnixMillis,
) -> hit::Hit {
    let request_id = text(record.request_id);
    let point = sign.map(point).unwrap_or_default();
    let stamps: Vec<u32> = sign.map(|sign| sign.stamps().take(LIST_LIMIT).collect()).unwrap_or_default();
    let leaves = !is_of_response(&point);
    hit::Hit {
        id: HitId(request_id.clone(), kind.code().to_owned()),
        kind: kind.code().to_owned(),
        ip: text(record.remote_addr),
        remote_port: record.remote_port,
        size: record.response_size,
        statuscode: record.status,
        time: record.time.unwrap_or(wall.seconds()),
        response_time: record.response_time_ms,
        value: sign.filter(|_| leaves).map(|sign| payload(sign.value, sign.begin)).unwrap_or_default(),
        point,
        stamps_hash: stamps_hash(&stamps),
        stamps,
        regex: sign.and_then(|sign| sign.rule).into_iter().collect(),
        poolid: record.app,
        ip_blocked: matches!(record.block_reason, b"acl_ip" | b"acl_source"),
        block_status: BlockStatus::of(record.blocked, matches!(record.mode, b"block" | b"safe_blocking")),
        request_id,
        protocol: text(record.scheme),
        path: path(record.uri),
        domain: text(record.host),
        node_uuid: vec![text(record.node_uuid)],
        attackid: attacks,
    }
}

fn point(sign: &Sign<'_>) -> Vec<PointStep> {
    // What comes from elsewhere than the module may be of any length.
    let steps = sign.steps().map(|step| match step {
        crate::signs::Step::Name(name) => crate::signs::Step::Name(name.get(..TEXT_LIMIT + 4).unwrap_or(name)),
        place => place,
    });
    hit::point(steps.map(crate::signs::Step::to_told))
}
