//! Reading the fields of a `proton.db`.

use super::DbError;

/// A cursor over bytes that never reads past their end.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at offset `at` of `bytes`.
    pub const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The offset of the next byte.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DbError> {
        let end = self.at.checked_add(length);
        let taken =
            end.and_then(|end| self.bytes.get(self.at..end)).ok_or(DbError::Truncated { at: self.bytes.len() })?;
        self.at += length;
        Ok(taken)
    }

    /// The next `N` bytes as an array, for the `from_le_bytes` of an integer.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DbError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DbError> {
        self.array().map(u8::from_le_bytes)
    }

    /// Two bytes, the low one first.
    pub fn u16(&mut self) -> Result<u16, DbError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, the low one first.
    pub fn u32(&mut self) -> Result<u32, DbError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, the low one first.
    pub fn u64(&mut self) -> Result<u64, DbError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Bytes behind a `u16` that counts them.
    pub fn counted(&mut self) -> Result<&'a [u8], DbError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}
