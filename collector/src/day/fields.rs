//! Reading a protobuf message field by field, without a message or a list for any of it.

/// The fields of a message, in the order they stand.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

/// What a field holds.
#[derive(Debug)]
pub enum Value<'a> {
    Number(u64),
    /// A message, or packed numbers.
    Bytes(&'a [u8]),
    /// Of a kind that a summary has none of.
    Other,
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next field's tag and value; `None` where there is no whole one.
    #[inline]
    pub fn take_next(&mut self) -> Option<(u64, Value<'a>)> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => take(&mut self.0, 8).map(|_| Value::Other)?,
            2 => Value::Bytes(counted(&mut self.0)?),
            5 => take(&mut self.0, 4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

/// Bytes behind their length.
#[inline]
pub fn counted<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    take(bytes, length)
}

#[inline]
pub fn small(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(varint(bytes)?).ok()
}

/// Seven bits a byte, the lowest first.
#[inline]
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all numbers of a summary are below 128.
    let (first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        *bytes = rest;
        return Some(u64::from(*first));
    }
    long_varint(bytes)
}

fn long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[inline]
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
