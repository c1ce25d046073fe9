//! `cargo xtask fake-cloud`: a node API by hand, which prints what comes.

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fake_cloud::certificate::Authority;
use fake_cloud::{Call, Script};
use serde_json::{Value, json};

use crate::cli::FakeCloud;
use crate::report;
use crate::session::Session;

/// How often it is looked whether something came.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs it until it is interrupted.
pub fn run(args: &FakeCloud, session: &Session) -> Result<ExitCode> {
    let mut builder = fake_cloud::FakeCloud::builder();
    if let Some(path) = &args.script {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        builder = builder.script(Script::parse(&text).with_context(|| path.display().to_string())?);
    }
    if let Some(path) = &args.ca_file {
        let authority = Authority::make()?;
        builder = builder.tls(authority.server(args.listen.ip())?);
        std::fs::write(path, authority.pem()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let listener = TcpListener::bind(args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    let cloud = builder.start(listener)?;
    session.progress.note(&format!("A node API listens on {}; Ctrl-C ends it.", cloud.address));
    if !session.json {
        report::line(&row(
            ["call", "seconds", "endpoint", "hits", "in the Cloud", "outcome", "batch"].map(str::to_owned)
        ));
    }
    let mut seen = 0;
    loop {
        for call in cloud.calls_after(seen, PATIENCE) {
            seen = call.number;
            report::line(&if session.json { line(&call)? } else { shown(&call, cloud.ledger().accepted_count()) });
        }
    }
}

fn row([call, seconds, endpoint, hits, total, outcome, batch]: [String; 7]) -> String {
    format!("{call:>6} {seconds:>9}  {endpoint:<10} {hits:>4} {total:>12}  {outcome:<19} {batch}").trim_end().to_owned()
}

/// A call as a line of a table.
fn shown(call: &Call, total: u64) -> String {
    row([
        call.number.to_string(),
        format!("{:.3}", call.at.as_secs_f64()),
        call.endpoint.map_or("?", fake_cloud::Endpoint::name).to_owned(),
        call.hits().len().to_string(),
        total.to_string(),
        if call.repeats { format!("{}, again", call.outcome) } else { call.outcome.to_string() },
        call.batch().unwrap_or_default().to_owned(),
    ])
}

/// A call as one line of JSON, with all that was sent.
fn line(call: &Call) -> Result<String> {
    let mut value = serde_json::to_value(call)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("at".to_owned(), json!(call.at.as_secs_f64()));
    }
    Ok(value.to_string())
}

#[cfg(test)]
mod tests {
    use fake_cloud::{Endpoint, Outcome};

    use super::*;

    #[test]
    fn a_call_is_a_line_for_people_and_one_for_pipelines_without_the_secret() {
        let call = Call {
            number: 7,
            at: Duration::from_millis(1500),
            endpoint: Some(Endpoint::Hits),
            head: "x-wallarmapi-secret: s3cret".to_owned(),
            json: json!({ "batch_id": "b1", "hits": [{ "id": ["a", "xss"] }] }),
            outcome: Outcome::TakenInSilence,
            repeats: false,
        };
        let words: Vec<_> = shown(&call, 3).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "7 1.500 hits 1 3 taken, not answered b1");
        let line = line(&call).unwrap();
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&read["at"], &read["outcome"], &read["endpoint"]),
            (&json!(1.5), &json!("taken_in_silence"), &json!("hits"))
        );
        assert!(!line.contains("s3cret") && !line.contains('\n'), "{line}");
    }
}
