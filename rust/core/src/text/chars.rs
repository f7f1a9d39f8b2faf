//! Characters of UTF-8.

/// Returns the first character of bytes, or None if they do not start with one.
pub fn first_char(bytes: &[u8]) -> Option<char> {
    let valid = bytes[..bytes.len().min(4)].utf8_chunks().next()?.valid();
    valid.chars().next()
}

/// Returns the last character of bytes, or None if they do not end with one.
pub fn last_char(bytes: &[u8]) -> Option<char> {
    let start = bytes.iter().rposition(|&byte| byte as i8 >= -0x40)?;
    let last = str::from_utf8(&bytes[start..]).ok()?;
    last.chars().next()
}

/// Returns the number of characters in UTF-8 text, which is the number of bytes that start one.
pub fn count_chars(text: &[u8]) -> usize {
    const LANES: usize = 32;
    let begins = |byte: u8| u8::from(byte as i8 >= -0x40);
    let mut count = 0;
    // A lane counts up to 255, the most a byte holds, so that the inner loop consists of vector instructions.
    for rows in text.chunks(LANES * usize::from(u8::MAX)) {
        let (rows, rest) = rows.as_chunks::<LANES>();
        let mut counts = [0u8; LANES];
        for row in rows {
            for (count, &byte) in counts.iter_mut().zip(row) {
                *count += begins(byte);
            }
        }
        let bytes = counts.into_iter().chain(rest.iter().copied().map(begins));
        count += bytes.map(usize::from).sum::<usize>();
    }
    count
}
