//! Records that were handed to a connection and have no answer yet.

use std::collections::VecDeque;

use super::Moment;

/// The sync of a connection's first record; 0 is that of its hello.
const FIRST_SYNC: u64 = 1;

/// A record on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// Where its frame ends, in bytes since the connection began.
    pub(super) end: u64,
    /// Bytes of its frame.
    pub(super) length: usize,
    /// Its key, for when it goes back to the queue.
    pub(super) key: u64,
    sent: Moment,
    answered: bool,
}

/// An answer that no record waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unexpected;

/// The records on their way, by sync: numbers are given in order, so a place in the list says which one it is.
#[derive(Debug, Default)]
pub(super) struct Flights {
    list: VecDeque<Flight>,
    /// Records that left the front of the list.
    gone: u64,
    open: usize,
}

impl Flights {
    /// Number of records without an answer.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Number of records that are remembered: those without an answer, and answered ones that an older one holds up.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a record and gives it its sync.
    pub(super) fn add(&mut self, end: u64, length: usize, key: u64, now: Moment) -> u64 {
        let sync = FIRST_SYNC + self.gone + self.list.len() as u64;
        self.list.push_back(Flight { end, length, key, sent: now, answered: false });
        self.open += 1;
        sync
    }

    /// The record with this sync is answered. Nothing beyond `written` bytes can have been seen by the server.
    pub(super) fn answer(&mut self, sync: u64, written: u64) -> Result<(), Unexpected> {
        let place = sync.checked_sub(FIRST_SYNC + self.gone).and_then(|place| usize::try_from(place).ok());
        let flight = place.and_then(|place| self.list.get_mut(place)).ok_or(Unexpected)?;
        if flight.answered || flight.end > written {
            return Err(Unexpected);
        }
        flight.answered = true;
        self.open -= 1;
        while self.list.front().is_some_and(|flight| flight.answered) {
            self.list.pop_front();
            self.gone += 1;
        }
        Ok(())
    }

    /// Since when the record that waits longest has been on its way.
    pub(super) fn oldest(&self) -> Option<Moment> {
        self.list.front().map(|flight| flight.sent)
    }

    /// Number of records without an answer that are wholly within the first `written` bytes.
    pub(super) fn unanswered(&self, written: u64) -> usize {
        self.list.iter().filter(|flight| !flight.answered && flight.end <= written).count()
    }

    /// Records that are not wholly within the first `written` bytes, in order.
    pub(super) fn unwritten(&self, written: u64) -> impl DoubleEndedIterator<Item = &Flight> + Clone {
        self.list.iter().filter(move |flight| flight.end > written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Flights {
        let mut flights = Flights::default();
        for number in 1..=3 {
            assert_eq!(flights.add(number * 10, 10, 0, Moment::from_millis(number)), number);
        }
        flights
    }

    #[test]
    fn answers_may_come_in_any_order() {
        let mut flights = three();
        assert_eq!([3, 1, 2].map(|sync| flights.answer(sync, 30)), [Ok(()); 3]);
        assert_eq!((flights.open(), flights.len()), (0, 0));
        assert_eq!(flights.add(40, 10, 0, Moment::from_millis(9)), 4);
    }

    #[test]
    fn a_second_answer_and_one_to_nothing_are_unexpected() {
        let mut flights = three();
        assert_eq!(flights.answer(2, 30), Ok(()));
        for sync in [2, 0, 4, u64::MAX] {
            assert_eq!(flights.answer(sync, 30), Err(Unexpected), "{sync}");
        }
        assert_eq!(flights.open(), 2);
    }

    #[test]
    fn nothing_is_answered_before_it_is_written() {
        let mut flights = three();
        assert_eq!(flights.answer(3, 29), Err(Unexpected));
        assert_eq!((flights.unanswered(29), flights.unwritten(29).count()), (2, 1));
    }

    #[test]
    fn the_oldest_is_the_first_one_without_an_answer() {
        let mut flights = three();
        flights.answer(1, 30).unwrap();
        assert_eq!(flights.oldest(), Some(Moment::from_millis(2)));
    }
}
