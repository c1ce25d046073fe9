//! Scripts as TOML. What is wrong with one is said with its line.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Answer, End, Phase, RetryAfter, Said, Script};
use crate::endpoint::Endpoint;

/// What is wrong with a script.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {wrong}")]
pub struct ScriptError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub wrong: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ScriptTable {
    #[serde(default)]
    seed: u64,
    speed: Option<Spanned<f64>>,
    #[serde(default)]
    clock_ahead: i64,
    #[serde(default)]
    phase: Vec<Spanned<PhaseTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PhaseTable {
    calls: Option<u64>,
    seconds: Option<f64>,
    #[serde(default)]
    on: Vec<Endpoint>,
    answers: Vec<Spanned<AnswerTable>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Takes,
    Says,
    TooLarge,
    RefusesBatch,
    RejectsHits,
    RejectsFirst,
    Slow,
    CutHead,
    CutBody,
    Loses,
    Never,
    Closes,
    ClosesAtAccept,
    Garbage,
    WrongEnvelope,
    Redirects,
}

/// Every key of every kind; [`AnswerTable::read`] takes those that its kind has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AnswerTable {
    kind: Kind,
    weight: Option<u32>,
    status: Option<u16>,
    reason: Option<String>,
    headers: Option<std::collections::BTreeMap<String, String>>,
    retry_after: Option<u64>,
    retry_after_date: Option<u64>,
    above: Option<usize>,
    with: Option<String>,
    before: Option<f64>,
    within: Option<f64>,
    to: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<Script, ScriptError> {
    let at = |offset: usize, wrong: String| {
        let before = text.get(..offset.min(text.len())).unwrap_or(text);
        ScriptError { line: before.matches('\n').count() + 1, wrong }
    };
    let table: ScriptTable = toml::from_str(text)
        .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message().trim().replace('\n', ", ")))?;
    let speed = table.speed.as_ref().map_or(1.0, |speed| *speed.get_ref());
    if !(speed.is_finite() && speed > 0.0) {
        let offset = table.speed.map_or(0, |speed| speed.span().start);
        return Err(at(offset, "`speed` must be more than 0".to_owned()));
    }
    let last = table.phase.len().saturating_sub(1);
    let mut phases = Vec::new();
    for (number, phase) in table.phase.into_iter().enumerate() {
        let offset = phase.span().start;
        let phase = phase.into_inner();
        let end = phase.end(number == last).map_err(|wrong| at(offset, wrong))?;
        if phase.answers.is_empty() {
            return Err(at(offset, "`answers` is empty".to_owned()));
        }
        let mut answers = Vec::new();
        for answer in phase.answers {
            let offset = answer.span().start;
            answers.push(answer.into_inner().read().map_err(|wrong| at(offset, wrong))?);
        }
        phases.push(Phase { end, on: phase.on, answers });
    }
    Ok(Script { seed: table.seed, speed, clock_ahead: table.clock_ahead, phases })
}

impl PhaseTable {
    fn end(&self, is_last: bool) -> Result<End, String> {
        match (self.calls, self.seconds) {
            (Some(_), Some(_)) => Err("a phase ends by `calls` or by `seconds`, not by both".to_owned()),
            (None, None) if !is_last => Err("only the last phase may have neither `calls` nor `seconds`".to_owned()),
            (None, None) => Ok(End::Open),
            (Some(0), None) => Err("`calls` must be more than 0".to_owned()),
            (Some(calls), None) => Ok(End::Calls(calls)),
            (None, Some(seconds)) => Ok(End::Time(time("seconds", seconds)?)),
        }
    }
}

fn time(key: &str, seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| format!("`{key}` must be a number of seconds, more than 0"))
}

impl AnswerTable {
    fn read(mut self) -> Result<(Answer, u32), String> {
        let weight = match self.weight.take() {
            Some(0) => return Err("`weight` must be more than 0".to_owned()),
            weight => weight.unwrap_or(1),
        };
        let answer = self.answer()?;
        match self.left() {
            Some(key) => Err(format!("`{key}` has no meaning for an answer of this kind")),
            None => Ok((answer, weight)),
        }
    }

    /// The answer; what belongs to it is taken out.
    fn answer(&mut self) -> Result<Answer, String> {
        let missing = |key: &str| format!("`{key}` is missing for an answer of this kind");
        Ok(match self.kind {
            Kind::Takes => Answer::Takes,
            Kind::Says => Answer::Says(self.said()?),
            Kind::TooLarge => Answer::TooLarge { above: self.above.take().ok_or_else(|| missing("above"))? },
            Kind::RefusesBatch => Answer::RefusesBatch { with: self.with.take().ok_or_else(|| missing("with"))? },
            Kind::RejectsHits => Answer::RejectsHits { with: self.with.take().ok_or_else(|| missing("with"))? },
            Kind::RejectsFirst => Answer::RejectsFirst,
            Kind::Slow => {
                let [before, within] = [("before", self.before.take()), ("within", self.within.take())]
                    .map(|(key, seconds)| seconds.map(|seconds| time(key, seconds)).transpose());
                let (before, within) = (before?, within?);
                if before.is_none() && within.is_none() {
                    return Err(missing("before"));
                }
                Answer::Slow { before: before.unwrap_or_default(), within: within.unwrap_or_default() }
            }
            Kind::CutHead => Answer::CutHead,
            Kind::CutBody => Answer::CutBody,
            Kind::Loses => Answer::Loses,
            Kind::Never => Answer::Never,
            Kind::Closes => Answer::Closes,
            Kind::ClosesAtAccept => Answer::ClosesAtAccept,
            Kind::Garbage => Answer::Garbage,
            Kind::WrongEnvelope => Answer::WrongEnvelope,
            Kind::Redirects => Answer::Redirects { to: self.to.take().ok_or_else(|| missing("to"))? },
        })
    }

    fn said(&mut self) -> Result<Said, String> {
        let status = self.status.take().filter(|status| (200..600).contains(status));
        let retry_after = match (self.retry_after.take(), self.retry_after_date.take()) {
            (Some(_), Some(_)) => return Err("`retry-after` and `retry-after-date` exclude each other".to_owned()),
            (seconds, date) => seconds.map(RetryAfter::Seconds).or(date.map(RetryAfter::Date)),
        };
        let headers: Vec<_> = self.headers.take().unwrap_or_default().into_iter().collect();
        if headers.iter().any(|(name, value)| format!("{name}{value}").chars().any(char::is_control)) {
            return Err("`headers` must be lines of text".to_owned());
        }
        Ok(Said {
            status: status.ok_or("`status` must be a number from 200 to 599")?,
            reason: self.reason.take().unwrap_or_default(),
            headers,
            retry_after,
        })
    }

    fn left(&self) -> Option<&'static str> {
        [
            ("status", self.status.is_some()),
            ("reason", self.reason.is_some()),
            ("headers", self.headers.is_some()),
            ("retry-after", self.retry_after.is_some()),
            ("retry-after-date", self.retry_after_date.is_some()),
            ("above", self.above.is_some()),
            ("with", self.with.is_some()),
            ("before", self.before.is_some()),
            ("within", self.within.is_some()),
            ("to", self.to.is_some()),
        ]
        .into_iter()
        .find_map(|(key, is_there)| is_there.then_some(key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_script_says_when_which_answers_are_given() {
        let text = r#"
seed = 7
speed = 60
clock-ahead = -400

[[phase]]
calls = 3
on = ["hits"]
answers = [{ kind = "says", status = 503, retry-after-date = 30, reason = "busy", headers = { Via = "a" } }]

[[phase]]
seconds = 1.5
answers = [{ kind = "takes", weight = 9 }, { kind = "slow", before = 2 }, { kind = "too-large", above = 4 }]

[[phase]]
answers = [{ kind = "redirects", to = "/elsewhere" }]
"#;
        let script = Script::parse(text).unwrap();
        assert_eq!((script.seed, script.speed, script.clock_ahead), (7, 60.0, -400));
        let busy = Said {
            status: 503,
            reason: "busy".to_owned(),
            headers: vec![("Via".to_owned(), "a".to_owned())],
            retry_after: Some(RetryAfter::Date(30)),
        };
        let slow = Answer::Slow { before: Duration::from_secs(2), within: Duration::ZERO };
        assert_eq!(
            script.phases,
            [
                Phase { end: End::Calls(3), on: vec![Endpoint::Hits], answers: vec![(Answer::Says(busy), 1)] },
                Phase {
                    end: End::Time(Duration::from_millis(1500)),
                    on: vec![],
                    answers: vec![(Answer::Takes, 9), (slow, 1), (Answer::TooLarge { above: 4 }, 1)]
                },
                Phase::of(End::Open, Answer::Redirects { to: "/elsewhere".to_owned() }),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, wrong) in [
            ("seed = -1", 1, "-1"),
            ("\nspeed = 0.0", 2, "`speed` must be more than 0"),
            ("sped = 2", 1, "sped"),
            ("[[phase]]\nanswers = []", 1, "`answers` is empty"),
            ("[[phase]]\ncalls = 1", 1, "answers"),
            ("[[phase]]\nanswers = [{kind='takes'}]\n[[phase]]\nanswers = [{kind='takes'}]", 1, "only the last phase"),
            ("[[phase]]\ncalls = 1\nseconds = 1\nanswers = [{kind='takes'}]", 1, "not by both"),
            ("[[phase]]\nseconds = -1.0\nanswers = [{kind='takes'}]", 1, "`seconds` must be"),
            ("[[phase]]\nanswers = [\n  {kind='takes'},\n  {kind='tkaes'},\n]", 4, "tkaes"),
            ("[[phase]]\nanswers = [\n  {kind='takes', above=3},\n]", 3, "`above` has no meaning"),
            ("[[phase]]\nanswers = [\n  {kind='says'},\n]", 3, "`status` must be"),
            ("[[phase]]\nanswers = [{kind='says', status=99}]", 2, "`status` must be"),
            ("[[phase]]\nanswers = [{kind='slow'}]", 2, "`before` is missing"),
            ("[[phase]]\nanswers = [{kind='takes', weight=0}]", 2, "`weight` must be"),
            ("[[phase]]\non = ['hit']\nanswers = [{kind='takes'}]", 2, "hit"),
            ("[[phase]]\nanswers = [{kind='says', status=503, headers={A=\"b\\nc\"}}]", 2, "`headers` must be"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.wrong.contains(wrong) && !error.wrong.contains('\n'), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_script_or_has_a_line_that_is_wrong(
            keys in vec(("[a-z-]{0,9}|phase|answers|kind|calls|seconds|weight", "[-0-9.]{0,8}|'[a-z-]{0,9}'|\\[\\]|\n"), 0..8),
            noise in "(?s).{0,60}",
        ) {
            let lines: String = keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
            for text in [format!("[[phase]]\n{lines}"), lines, noise] {
                if let Err(error) = Script::parse(&text) {
                    prop_assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1, "{error}");
                }
            }
        }
    }
}
