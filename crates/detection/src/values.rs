//! The bytes that an inspection works on.
//!
//! A value is never copied to be examined: it is a range of one of three buffers. What decoders put out goes to the end of the
//! third, and is cut off again as soon as everything that came out of it has been examined, so that the memory held follows
//! the depth of a request and not the number of its values.

/// The buffer that a value lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffer {
    /// Request line and headers, as they were sent.
    Head,
    /// The body, as it was sent.
    Body,
    /// What decoders put out.
    Decoded,
}

/// A value: a range of one buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    buffer: Buffer,
    start: usize,
    end: usize,
}

impl Slice {
    /// No bytes.
    pub(crate) const EMPTY: Self = Self { buffer: Buffer::Head, start: 0, end: 0 };

    pub(crate) const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes of it from `from` up to, not including, `to`; what lies beyond its end is left out.
    pub(crate) fn part(self, from: usize, to: usize) -> Self {
        let start = self.start.saturating_add(from).min(self.end);
        let end = self.start.saturating_add(to).min(self.end).max(start);
        Self { start, end, ..self }
    }

    /// The bytes of it from `from` on.
    pub(crate) fn from(self, from: usize) -> Self {
        self.part(from, self.len())
    }
}

/// The three buffers, and room for a decoder to write to.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    decoded: Vec<u8>,
    scratch: Vec<u8>,
}

/// Capacity in bytes that a buffer keeps from one request to the next; what a large request needed beyond it is given back.
const KEEP: usize = 256 * 1024;

impl Buffers {
    /// Empties all of them.
    pub(crate) fn clear(&mut self) {
        for buffer in [&mut self.head, &mut self.body, &mut self.decoded, &mut self.scratch] {
            buffer.clear();
            buffer.shrink_to(KEEP);
        }
    }

    /// Bytes held, in all of them.
    pub(crate) fn held(&self) -> usize {
        self.head.len() + self.body.len() + self.decoded.len() + self.scratch.len()
    }

    pub(crate) fn get(&self, slice: Slice) -> &[u8] {
        let buffer = match slice.buffer {
            Buffer::Head => &self.head,
            Buffer::Body => &self.body,
            Buffer::Decoded => &self.decoded,
        };
        buffer.get(slice.start..slice.end).unwrap_or_default()
    }

    /// Keeps bytes of the request line or of a header.
    pub(crate) fn keep_head(&mut self, bytes: &[u8]) -> Slice {
        let start = self.head.len();
        self.head.extend_from_slice(bytes);
        Slice { buffer: Buffer::Head, start, end: self.head.len() }
    }

    /// The body that was fed so far.
    pub(crate) fn body(&self) -> Slice {
        Slice { buffer: Buffer::Body, start: 0, end: self.body.len() }
    }

    /// Where the output of decoders ends now.
    pub(crate) const fn mark(&self) -> usize {
        self.decoded.len()
    }

    /// Forgets what decoders put out since `mark`.
    pub(crate) fn release(&mut self, mark: usize) {
        self.decoded.truncate(mark);
    }

    /// What decoders put out since `mark`.
    pub(crate) fn since(&self, mark: usize) -> Slice {
        Slice { buffer: Buffer::Decoded, start: mark.min(self.decoded.len()), end: self.decoded.len() }
    }

    /// Lets `decode` read `input` and write its output; the output, when it says that there is one.
    pub(crate) fn decode(&mut self, input: Slice, decode: impl FnOnce(&[u8], &mut Vec<u8>) -> bool) -> Option<Slice> {
        let mut output = std::mem::take(&mut self.scratch);
        output.clear();
        let decoded = decode(self.get(input), &mut output);
        let slice = decoded.then(|| self.append(&output));
        output.clear();
        output.shrink_to(KEEP);
        self.scratch = output;
        slice
    }

    /// Adds bytes to the output of decoders.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Slice {
        let start = self.decoded.len();
        self.decoded.extend_from_slice(bytes);
        Slice { buffer: Buffer::Decoded, start, end: self.decoded.len() }
    }

    /// Adds a copy of a value, and then `byte` if there is one, to the output of decoders.
    pub(crate) fn append_copy(&mut self, slice: Slice, byte: Option<u8>) {
        match slice.buffer {
            Buffer::Decoded if slice.start <= slice.end && slice.end <= self.decoded.len() => {
                self.decoded.extend_from_within(slice.start..slice.end);
            }
            Buffer::Decoded => {}
            Buffer::Head => self.decoded.extend_from_slice(self.head.get(slice.start..slice.end).unwrap_or_default()),
            Buffer::Body => self.decoded.extend_from_slice(self.body.get(slice.start..slice.end).unwrap_or_default()),
        }
        self.decoded.extend(byte);
    }

    /// Cuts `count` bytes off the beginning of what decoders put out since `mark`.
    pub(crate) fn drop_since(&mut self, mark: usize, count: usize) {
        let end = mark.saturating_add(count).min(self.decoded.len());
        self.decoded.drain(mark.min(end)..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_never_reaches_beyond_its_slice() {
        let mut buffers = Buffers::default();
        buffers.keep_head(b"before");
        let slice = buffers.keep_head(b"value");
        buffers.keep_head(b"behind");
        assert_eq!(buffers.get(slice.part(1, 3)), b"al");
        assert_eq!(buffers.get(slice.part(3, usize::MAX)), b"ue");
        assert_eq!(buffers.get(slice.part(9, 2)), b"");
        assert_eq!(buffers.get(slice.from(4)), b"e");
    }

    #[test]
    fn what_was_released_is_forgotten() {
        let mut buffers = Buffers::default();
        let kept = buffers.append(b"kept");
        let mark = buffers.mark();
        let gone = buffers.append(b"gone");
        buffers.release(mark);
        assert_eq!(buffers.get(kept), b"kept");
        assert_eq!(buffers.get(gone), b"");
    }

    #[test]
    fn memory_of_a_large_request_is_given_back() {
        let mut buffers = Buffers::default();
        buffers.body.resize(8 << 20, b'x');
        buffers.clear();
        assert!(buffers.body.capacity() <= KEEP, "{} bytes", buffers.body.capacity());
    }
}
