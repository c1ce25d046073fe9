//! Goes through a script, call by call.

use std::time::Duration;

use super::{Answer, End, Phase, Script};
use crate::chance::Chance;
use crate::endpoint::Endpoint;

/// Where a script is.
#[derive(Debug)]
pub(crate) struct Player {
    phases: std::vec::IntoIter<Phase>,
    phase: Option<Phase>,
    /// When the phase began, and the calls that it answered.
    begun: Duration,
    calls: u64,
    chance: Chance,
}

impl Player {
    /// Begins with a script at `now`, on its clock.
    pub(crate) fn new(script: &Script, now: Duration) -> Self {
        let mut phases = script.phases.clone().into_iter();
        let phase = phases.next();
        Self { phases, phase, begun: now, calls: 0, chance: Chance::new(script.seed) }
    }

    /// The answer to a call that came at `now`, on the script's clock.
    pub(crate) fn answer(&mut self, endpoint: Endpoint, now: Duration) -> Answer {
        self.go_on(now);
        let Some(phase) = self.phase.as_ref() else { return Answer::Takes };
        if !phase.on.is_empty() && !phase.on.contains(&endpoint) {
            return Answer::Takes;
        }
        self.calls += 1;
        draw(&phase.answers, &mut self.chance)
    }

    /// Whether somebody who connects is turned away; that counts as a call.
    pub(crate) fn turns_away(&mut self, now: Duration) -> bool {
        self.go_on(now);
        let Some(phase) = self.phase.as_ref() else { return false };
        let may = phase.answers.iter().any(|(answer, _)| *answer == Answer::ClosesAtAccept);
        if !may || draw(&phase.answers, &mut self.chance) != Answer::ClosesAtAccept {
            return false;
        }
        self.calls += 1;
        true
    }

    fn go_on(&mut self, now: Duration) {
        while let Some(phase) = &self.phase {
            let over = match phase.end {
                End::Open => None,
                End::Calls(most) => (self.calls >= most).then_some(now),
                // The next one begins when this one was to end, not when somebody noticed.
                End::Time(time) => Some(self.begun + time).filter(|end| *end <= now),
            };
            let Some(over) = over else { return };
            (self.phase, self.begun, self.calls) = (self.phases.next(), over, 0);
        }
    }
}

/// One of the answers, by chance.
fn draw(answers: &[(Answer, u32)], chance: &mut Chance) -> Answer {
    if let [(only, _)] = answers {
        return only.clone();
    }
    let mut drawn = chance.below(answers.iter().map(|(_, weight)| u64::from(*weight)).sum());
    for (answer, weight) in answers {
        match drawn.checked_sub(u64::from(*weight)) {
            None => return answer.clone(),
            Some(left) => drawn = left,
        }
    }
    Answer::Takes
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_last_answer_of_a_list_holds_and_a_script_without_phases_takes_everything() {
        let mut player = Player::new(&Script::in_turn(&[Answer::Closes, Answer::Garbage]), START);
        let answers: Vec<_> = (0..3).map(|_| player.answer(Endpoint::Hits, START)).collect();
        assert_eq!(answers, [Answer::Closes, Answer::Garbage, Answer::Garbage]);
        assert_eq!(Player::new(&Script::default(), START).answer(Endpoint::Hits, START), Answer::Takes);
    }

    #[test]
    fn phases_end_by_calls_and_by_time() {
        let phases = vec![
            Phase::of(End::Time(at(10)), Answer::Closes),
            Phase::of(End::Time(at(5)), Answer::Never),
            Phase::of(End::Calls(2), Answer::Garbage),
        ];
        let mut player = Player::new(&Script { phases, ..Script::default() }, START);
        let answers = [9, 10, 14, 15, 99, 99].map(|second| player.answer(Endpoint::Hits, at(second)));
        let expected = [Answer::Closes, Answer::Never, Answer::Never, Answer::Garbage, Answer::Garbage, Answer::Takes];
        assert_eq!(answers, expected);
    }

    #[test]
    fn a_phase_about_one_kind_of_calls_takes_the_others() {
        let mut player =
            Player::new(&Script::in_turn(&[Answer::Closes, Answer::Takes]).only(Endpoint::Counters), START);
        assert_eq!(player.answer(Endpoint::Hits, START), Answer::Takes);
        assert_eq!(player.answer(Endpoint::Counters, START), Answer::Closes);
        assert_eq!(player.answer(Endpoint::Counters, START), Answer::Takes);
    }

    #[test]
    fn chance_gives_each_answer_its_share_and_the_same_again_for_the_same_seed() {
        let drawn = |seed| {
            let mut player = Player::new(&Script::by_chance(seed, &[(Answer::Takes, 3), (Answer::Closes, 1)]), START);
            (0..400).map(|_| player.answer(Endpoint::Hits, START)).collect::<Vec<_>>()
        };
        let closed = drawn(7).iter().filter(|answer| **answer == Answer::Closes).count();
        assert!((70..130).contains(&closed), "{closed} of 400");
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn only_a_phase_that_says_so_turns_those_away_who_connect() {
        let mut player = Player::new(&Script::in_turn(&[Answer::ClosesAtAccept, Answer::Takes]), START);
        assert!(player.turns_away(START));
        assert!(!player.turns_away(START));
        assert_eq!(player.answer(Endpoint::Hits, START), Answer::Takes);
    }
}
