//! Memory that the device takes as it is.

use std::ops::{Deref, DerefMut};

use crate::direct::ALIGN;

/// Bytes of which the first is at a multiple of [`ALIGN`] in memory; zeros at first.
#[derive(Debug, Default)]
pub struct Aligned {
    /// Begins anywhere.
    bytes: Vec<u8>,
    begin: usize,
    length: usize,
}

impl Aligned {
    /// So many bytes.
    pub fn new(length: usize) -> Self {
        let align = usize::try_from(ALIGN).unwrap_or(1);
        let bytes = vec![0; length + align];
        let begin = bytes.as_ptr().align_offset(align).min(align);
        Self {
            bytes,
            begin,
            length,
        }
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.begin..self.begin + self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.begin..self.begin + self.length]
    }
}
