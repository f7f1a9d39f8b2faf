//! Text that is not valid Unicode: refused or repaired, as the user chose.

use std::borrow::Cow;

use crate::build::left_out::BadRecord;

/// Returns the text of `bytes`. With `replace`, U+FFFD replaces what is not valid. `encoding` is the file's.
pub fn decode<'b>(
    bytes: &'b [u8],
    encoding: &str,
    replace: bool,
) -> Result<Cow<'b, str>, BadRecord> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) if replace => Ok(String::from_utf8_lossy(bytes)),
        Err(error) => {
            let reason = format!("invalid {encoding}");
            let what = format!("{reason} after byte {}", error.valid_up_to());
            let remedy = "convert the file, or choose --errors replace or skip";
            Err(BadRecord::new(reason, remedy).with(what))
        }
    }
}

/// Returns a JSON line with `\ufffd` in place of each escaped surrogate that is not part of a pair.
pub fn replace_lone_surrogates(json: &str) -> String {
    let mut repaired = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(backslash) = rest.find('\\') {
        let (before, escape) = rest.split_at(backslash);
        repaired.push_str(before);
        let (replacement, length) = repaired_escape(escape);
        repaired.push_str(&replacement);
        rest = &escape[length..];
    }
    repaired.push_str(rest);
    repaired
}

/// Returns the escape at the start of `text`, repaired, and its length in `text`.
fn repaired_escape(text: &str) -> (Cow<'_, str>, usize) {
    match (code_unit(text), text.get(6..).and_then(code_unit)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (text[..12].into(), 12),
        (Some(0xD800..=0xDFFF), _) => ("\\ufffd".into(), 6),
        (Some(_), _) => (text[..6].into(), 6),
        (None, _) => {
            let length = text.chars().take(2).map(char::len_utf8).sum();
            (text[..length].into(), length)
        }
    }
}

/// Returns the number of a `\uXXXX` at the start of `text`.
fn code_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::replace_lone_surrogates;

    #[test]
    fn only_surrogates_that_stand_alone_are_replaced() {
        let cases = [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d\n""#, r#""\\\ufffd\n""#),
            (r#""\u00e9é\""#, r#""\u00e9é\""#),
        ];
        for (json, expected) in cases {
            assert_eq!(replace_lone_surrogates(json), expected);
        }
    }
}
