//! Requests that are ready to be sent, one behind the other in one buffer.

use std::ops::Range;

use iproto::request::set_sync;

/// Where the number stands that makes a request differ from every other, counted from the beginning of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Eight bytes, most significant first: the inside of a MessagePack number.
    Number(usize),
    /// Sixteen hexadecimal digits in a text.
    Digits(usize),
}

/// Prepared requests. They are sent in turns, numbered anew each time.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    key: Key,
}

impl Requests {
    /// Adds a frame that [`iproto::request`] wrote, or one with a header of the same form.
    pub fn push(&mut self, frame: &[u8], key: Key) {
        self.places.push(Place { start: self.bytes.len(), key });
        self.bytes.extend_from_slice(frame);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Numbers a request.
    pub(crate) fn number(&mut self, index: usize, sync: u64, number: u64) {
        let (key, span) = (self.places[index].key, self.span(index));
        let frame = &mut self.bytes[span];
        set_sync(frame, sync);
        match key {
            Key::Number(at) => {
                if let Some(place) = frame.get_mut(at..at + 8) {
                    place.copy_from_slice(&number.to_be_bytes());
                }
            }
            Key::Digits(at) => {
                if let Some(place) = frame.get_mut(at..at + 16) {
                    place.copy_from_slice(&digits(number));
                }
            }
        }
    }

    /// Requests that lie one behind the other.
    pub(crate) fn bytes(&self, indices: Range<usize>) -> &[u8] {
        &self.bytes[self.start(indices.start)..self.start(indices.end)]
    }

    /// Where a request lies.
    pub(crate) fn span(&self, index: usize) -> Range<usize> {
        self.start(index)..self.start(index + 1)
    }

    fn start(&self, index: usize) -> usize {
        self.places.get(index).map_or(self.bytes.len(), |place| place.start)
    }
}

/// A number in hexadecimal, with leading zeros.
fn digits(number: u64) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|place| DIGITS[(number >> (60 - 4 * place)) as usize & 0xf])
}

#[cfg(test)]
mod tests {
    use super::*;
    use iproto::frame::{Split, split};
    use iproto::request::{Request, write_call};

    fn call(text: &str) -> Vec<u8> {
        let mut frame = Vec::new();
        write_call(&mut frame, 0, "f", |writer| {
            writer.array(2).str(text.as_bytes()).uint64(0);
        });
        frame
    }

    #[test]
    fn a_request_is_numbered_where_it_lies_and_its_neighbours_stay() {
        let frame = call("0123456789abcdef");
        let mut requests = Requests::default();
        let digits_at = frame.len() - 9 - 16;
        requests.push(&frame, Key::Digits(digits_at));
        requests.push(&frame, Key::Number(frame.len() - 8));
        requests.number(0, 5, 0xfeed);
        requests.number(1, 6, 7);
        let arguments = |index: usize, sync: u64| {
            let Ok(Split::Frame { payload, .. }) = split(requests.bytes(index..index + 1)) else { panic!("no frame") };
            let request = Request::decode(payload).unwrap();
            assert_eq!(request.sync, sync);
            request.arguments.to_vec()
        };
        assert_eq!(arguments(0, 5), b"\x92\xb0000000000000feed\xcf\0\0\0\0\0\0\0\0");
        assert_eq!(arguments(1, 6), b"\x92\xb00123456789abcdef\xcf\0\0\0\0\0\0\0\x07");
        assert_eq!((requests.bytes(0..2).len(), requests.len()), (2 * frame.len(), 2));
    }

    #[test]
    fn digits_are_all_sixteen() {
        assert_eq!(&digits(0x0123_4567_89ab_cdef), b"0123456789abcdef");
        assert_eq!(&digits(1), b"0000000000000001");
    }
}
