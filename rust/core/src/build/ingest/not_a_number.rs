//! NaN and the infinities: JSON does not have them, but Python's `json` writes them.

const NUMBERS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Returns a JSON text with `value` in place of each of them outside of strings. None if there are none.
pub fn replaced(json: &str, value: &str) -> Option<String> {
    let mut replaced = String::new();
    let mut done = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b'"', b'N', b'I', &json.as_bytes()[at..]) {
        at += found;
        if json.as_bytes()[at] == b'"' {
            at = end_of_string(json, at + 1);
            continue;
        }
        // The minus sign comes before the name.
        let start = at - usize::from(json[..at].ends_with('-'));
        match NUMBERS
            .iter()
            .find(|name| json[start..].starts_with(**name))
        {
            Some(name) => {
                replaced.push_str(&json[done..start]);
                replaced.push_str(value);
                at = start + name.len();
                done = at;
            }
            None => at += 1,
        }
    }
    (done > 0).then(|| replaced + &json[done..])
}

/// Returns the place after a string whose first character is at `at`.
fn end_of_string(json: &str, mut at: usize) -> usize {
    while let Some(found) = memchr::memchr2(b'"', b'\\', &json.as_bytes()[at..]) {
        at += found + 1;
        if json.as_bytes()[at - 1] == b'"' {
            return at;
        }
        at = (at + 1).min(json.len());
        if !json.is_char_boundary(at) {
            // No valid escape has more than one byte here. The parser reports it.
            return json.len();
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn numbers_that_are_none_are_replaced_outside_of_strings() {
        let cases = [
            (r#"{"a": NaN}"#, Some(r#"{"a": 0}"#)),
            (r#"[-Infinity,Infinity,NaN]"#, Some("[0,0,0]")),
            (r#"{"NaN": "Infinity", "b": "\"NaN\\"}"#, None),
            (
                r#"{"\\": NaN, "\"": "NaN"}"#,
                Some(r#"{"\\": 0, "\"": "NaN"}"#),
            ),
            (r#"{"a": Inf}"#, None),
            (r#"{"é": -NaN}"#, None),
            (r#"{"é": [-Infinity]}"#, Some(r#"{"é": [0]}"#)),
            (r#""\é NaN"#, None),
            (r#"NaN"#, Some("0")),
        ];
        for (json, expected) in cases {
            assert_eq!(replaced(json, "0").as_deref(), expected, "{json}");
        }
    }
}
