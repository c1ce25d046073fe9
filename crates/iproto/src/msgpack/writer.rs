//! Appends MessagePack to a buffer, each value in its shortest form unless a name says otherwise.

/// Appends values to a borrowed buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// nil
    pub fn nil(&mut self) -> &mut Self {
        self.put(&[0xc0])
    }

    /// true or false
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.put(&[0xc2 + u8::from(value)])
    }

    /// A number that is not negative.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        if let Ok(small) = u8::try_from(value) {
            if small < 0x80 { self.put(&[small]) } else { self.put(&[0xcc, small]) }
        } else if let Ok(short) = u16::try_from(value) {
            self.put(&[0xcd]).put(&short.to_be_bytes())
        } else if let Ok(word) = u32::try_from(value) {
            self.uint32(word)
        } else {
            self.uint64(value)
        }
    }

    /// A number in the form that always takes five bytes.
    pub fn uint32(&mut self, value: u32) -> &mut Self {
        self.put(&[0xce]).put(&value.to_be_bytes())
    }

    /// A number in the form that always takes nine bytes.
    pub fn uint64(&mut self, value: u64) -> &mut Self {
        self.put(&[0xcf]).put(&value.to_be_bytes())
    }

    /// A number in 64-bit floating point.
    pub fn float(&mut self, value: f64) -> &mut Self {
        self.put(&[0xcb]).put(&value.to_be_bytes())
    }

    /// A string. Bytes beyond 4 GiB cannot be said in MessagePack and are left out.
    pub fn str(&mut self, value: &[u8]) -> &mut Self {
        let value = &value[..value.len().min(u32::MAX as usize)];
        let length = (value.len() as u32).to_be_bytes();
        match value.len() {
            0..=31 => self.put(&[0xa0 | length[3]]),
            32..=0xff => self.put(&[0xd9, length[3]]),
            0x100..=0xffff => self.put(&[0xda, length[2], length[3]]),
            _ => self.put(&[0xdb]).put(&length),
        };
        self.put(value)
    }

    /// The beginning of an array; `length` values must follow.
    pub fn array(&mut self, length: u32) -> &mut Self {
        self.container(length, 0x90, 0xdc)
    }

    /// The beginning of a map; `length` pairs of values must follow.
    pub fn map(&mut self, length: u32) -> &mut Self {
        self.container(length, 0x80, 0xde)
    }

    fn container(&mut self, length: u32, fix: u8, wide: u8) -> &mut Self {
        let bytes = length.to_be_bytes();
        match length {
            0..=15 => self.put(&[fix | bytes[3]]),
            16..=0xffff => self.put(&[wide, bytes[2], bytes[3]]),
            _ => self.put(&[wide + 1]).put(&bytes),
        }
    }

    /// Values that are MessagePack already.
    pub fn raw(&mut self, values: &[u8]) -> &mut Self {
        self.put(values)
    }
}
