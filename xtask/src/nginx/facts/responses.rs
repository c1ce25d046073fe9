//! What responses give away.

use anyhow::{Result, ensure};
use serde_json::json;

use super::scene::{Scene, attacks, field};
use super::{Fact, Subject};
use crate::nginx::client::Request;

pub const FACTS: &[Fact] = &[
    Fact::new("what a response gives away is reported as infoleak, and the response passes unchanged", reported)
        .under_valgrind(),
    Fact::new("a long response is looked at in its beginning and passes unchanged", long),
    Fact::new("with wallarm_parse_response off, responses are not looked at", off),
];

/// Innocent as a request, telling as an answer.
const TRACE: &str = "Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 7, in <module>\n";

/// The application answers with this text.
fn told(scene: &Scene, text: &str) -> Result<()> {
    let answer = scene.send(&Request::post("/echo", "text/plain", text))?;
    ensure!(answer.status == 200, "answered with {}", answer.status);
    ensure!(answer.body == text.as_bytes(), "the response changed: {} bytes of {}", answer.body.len(), text.len());
    Ok(())
}

fn reported(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| {
        told(scene, TRACE)?;
        let record = scene.record()?;
        ensure!(attacks(&record) == ["infoleak"], "found {:?}", attacks(&record));
        ensure!(record["attacks"][0]["point"] == json!(["response"]), "{}", record["attacks"]);
        field(&record, "blocked", false)?;
        scene.counted("attacks", 1)?;
        scene.counted("blocked", 0)?;
        told(scene, "an answer like any other\n")?;
        scene.counted("requests", 2)?;
        scene.counted("attacks", 1)
    })
}

fn long(subject: &Subject) -> Result<()> {
    let filler = "ordinary words of a long page\n".repeat(10_000);
    subject.with("wallarm_mode monitoring;", |scene| {
        told(scene, &format!("{TRACE}{filler}"))?;
        scene.counted("attacks", 1)?;
        // Beyond what is looked at.
        told(scene, &format!("{filler}{TRACE}"))?;
        scene.counted("requests", 2)?;
        scene.counted("attacks", 1)
    })
}

fn off(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode monitoring; wallarm_parse_response off;", |scene| {
        told(scene, TRACE)?;
        scene.counted("requests", 1)?;
        scene.counted("attacks", 0)
    })
}
