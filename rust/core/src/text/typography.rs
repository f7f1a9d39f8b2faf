//! Which characters the normalisation `fold` takes for one another, beyond Unicode's NFKC.
//!
//! `docs/exact-matching.md` has the table with the reasons.

/// Whether a character only says where a line or a word may end, and is left out.
pub fn is_left_out(c: char) -> bool {
    // Soft hyphen, zero-width space, word joiner, and the byte order mark, which is a zero-width space inside a text.
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// The straight quotation mark or the ASCII hyphen that a character of NFKC stands for; others as they are.
///
/// Quotation marks are those of Unicode's property Quotation_Mark but for the corner brackets of East Asia, and the two
/// letters that look like an apostrophe. Dashes are those of the property Dash but for the wavy ones.
pub fn straightened(c: char) -> char {
    match c {
        '\u{2018}'..='\u{201B}' | '\u{2039}' | '\u{203A}' | '\u{2BB}' | '\u{2BC}' => '\'',
        '\u{AB}' | '\u{BB}' | '\u{201C}'..='\u{201F}' | '\u{2E42}' | '\u{301D}'..='\u{301F}' => '"',
        '\u{58A}' | '\u{5BE}' | '\u{1400}' | '\u{1806}' => '-',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2E17}' | '\u{2E1A}' | '\u{2E3A}' | '\u{2E3B}' | '\u{2E40}' | '\u{2E5D}' => '-',
        '\u{30A0}' | '\u{10D6E}' | '\u{10EAD}' => '-',
        _ => c,
    }
}
