use serde_json::Value;
use serde_json::value::RawValue;

use super::*;
use crate::hit::HitId;
use crate::upload::Accepted;

/// A hit of a test.
#[derive(Debug)]
struct Named(HitId, Box<RawValue>);

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Item for Named {
    fn id(&self) -> &HitId {
        &self.0
    }

    fn json(&self) -> &RawValue {
        &self.1
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn named(name: usize) -> Named {
    let json = RawValue::from_string(format!(r#"{{"id":["{name}","xss"]}}"#)).unwrap();
    Named(HitId(name.to_string(), "xss".to_owned()), json)
}

fn filled(chunk: usize, count: usize, refused: Refused) -> Dispatch<Named> {
    let mut dispatch = Dispatch::new(Settings { chunk, refused, pace: Pace::default() });
    (0..count).for_each(|name| dispatch.push(named(name)));
    dispatch
}

/// The batch that is to be sent now: its ticket, its name and the hits in it.
fn batch(dispatch: &mut Dispatch<Named>, now: Duration) -> Option<(Ticket, String, Vec<String>)> {
    let Next::Send(Batch { ticket, json }) = dispatch.next(now) else { return None };
    let json: Value = serde_json::from_slice(&json).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hits = json["hits"].as_array().unwrap().iter().map(|hit| text(&hit["id"][0])).collect();
    Some((ticket, text(&json["batch_id"]), hits))
}

fn status(status: u16) -> Result<Reply, Silent> {
    Ok(Reply { status, ..Reply::default() })
}

/// Sends until nothing is left, to an API that refuses any batch with one of `bad`; returns what was refused, and the number of calls.
fn play(dispatch: &mut Dispatch<Named>, bad: &[&str]) -> (Vec<String>, usize) {
    let (mut refused, mut calls, mut now) = (Vec::new(), 0, Duration::ZERO);
    while !dispatch.is_empty() {
        let Some((ticket, _, hits)) = batch(dispatch, now) else {
            now = dispatch.pause(now).unwrap();
            continue;
        };
        calls += 1;
        let answer = if hits.iter().any(|hit| bad.contains(&hit.as_str())) { 422 } else { 200 };
        if let Outcome::Refused { items, .. } = dispatch.finished(ticket, status(answer), now) {
            refused.extend(items.into_iter().map(|item| item.0.0));
        }
    }
    (refused, calls)
}

#[test]
fn a_batch_has_the_name_of_its_hits() {
    let names = |chunk, skip| {
        let mut dispatch = filled(chunk, 6, Refused::Split);
        (0..=skip).map(|_| batch(&mut dispatch, at(0)).unwrap().1).collect::<Vec<_>>()
    };
    let [first, second] = &names(3, 1)[..] else { panic!() };
    assert_eq!(first, &names(3, 0)[0], "another server names it alike");
    assert!(first != second && first.len() == 32 && first != &names(2, 0)[0]);
}

#[test]
fn a_batch_that_is_refused_is_split_until_the_bad_hits_stand_alone() {
    let (refused, calls) = play(&mut filled(10, 10, Refused::Split), &["3", "7"]);
    assert_eq!(refused, ["3", "7"]);
    assert!(calls < 20, "{calls} calls");
    let (refused, calls) = play(&mut filled(10, 20, Refused::Whole), &["3"]);
    assert_eq!((refused.len(), calls), (10, 2));
}

#[test]
fn an_api_that_refuses_everything_is_asked_ever_more_seldom() {
    let mut dispatch = filled(1, 100, Refused::Split);
    let mut now = at(0);
    for number in 0..20 {
        let (ticket, ..) = batch(&mut dispatch, now).unwrap();
        assert!(matches!(dispatch.finished(ticket, status(400), now), Outcome::Refused { .. }));
        let pause = dispatch.pause(now);
        assert_eq!(pause.is_some(), number >= 9, "after {} in a row", number + 1);
        assert!(number < 19 || pause > Some(now + at(100)), "{pause:?}");
        now = pause.unwrap_or(now);
    }
    // The doubt ends when one is taken.
    let (ticket, ..) = batch(&mut dispatch, now).unwrap();
    dispatch.finished(ticket, status(200), now);
    let (ticket, ..) = batch(&mut dispatch, now).unwrap();
    dispatch.finished(ticket, status(400), now);
    assert_eq!(dispatch.pause(now), None);
}

#[test]
fn what_waits_for_an_api_that_refuses_the_node_is_kept_and_sent_when_something_has_changed() {
    let mut dispatch = filled(2, 4, Refused::Split);
    let (one, first, _) = batch(&mut dispatch, at(0)).unwrap();
    let (two, ..) = batch(&mut dispatch, at(0)).unwrap();
    assert_eq!(dispatch.finished(one, status(401), at(0)), Outcome::Stopped { status: 401, reason: String::new() });
    assert_eq!(dispatch.finished(two, status(401), at(0)), Outcome::Nothing, "told once");
    assert_eq!((dispatch.next(at(3599)), dispatch.len()), (Next::Until(at(3600)), 4));
    dispatch.try_now();
    // The one that failed last comes first; both keep their names.
    let names: Vec<_> = (0..2).map(|_| batch(&mut dispatch, at(1)).unwrap().1).collect();
    assert!(names.contains(&first));
}

#[test]
fn a_batch_that_is_put_back_goes_again_without_a_pause() {
    let mut dispatch = filled(2, 2, Refused::Split);
    let (ticket, name, _) = batch(&mut dispatch, at(0)).unwrap();
    dispatch.put_back(ticket);
    assert_eq!(dispatch.finished(ticket, status(200), at(0)), Outcome::Nothing);
    assert_eq!(batch(&mut dispatch, at(0)).unwrap().1, name);
}

#[test]
fn what_is_taken_is_given_back_with_what_the_api_said_of_it() {
    let mut dispatch = filled(2, 2, Refused::Split);
    let (ticket, ..) = batch(&mut dispatch, at(0)).unwrap();
    let rejected = vec![Rejected { id: HitId("1".to_owned(), "xss".to_owned()), why: "too old".to_owned() }];
    let body = Accepted { accepted: 0, duplicates: 1, rejected: rejected.clone() };
    let outcome = dispatch.finished(ticket, Ok(Reply { status: 200, body, ..Reply::default() }), at(0));
    let items = vec![(named(0), false), (named(1), true)];
    assert_eq!(outcome, Outcome::Taken { items, duplicates: 1, rejected });
}
