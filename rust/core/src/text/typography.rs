//! The characters that `fold` removes or replaces in addition to Unicode's NFKC.
//!
//! `docs/exact-matching.md` has the table with the reasons.

/// Returns whether a character only marks where a line or a word may end. `fold` removes it.
pub fn is_left_out(c: char) -> bool {
    // Soft hyphen, zero-width space, word joiner, and the byte order mark, which inside a text is a zero-width space.
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// Returns the straight quotation mark or the ASCII hyphen in place of a character of NFKC; other characters unchanged.
///
/// The quotation marks are those of Unicode's property Quotation_Mark, except the corner brackets of East Asia, and two
/// letters that look like an apostrophe. The dashes are those of the property Dash, except the wavy ones.
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
