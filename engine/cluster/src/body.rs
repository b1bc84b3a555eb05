//! JSON as API servers take it where they read YAML.

use serde_json::Value;

/// The text of a body. What is applied on the server's side is parsed as YAML, which takes no DEL, no C1 and no noncharacter as it is, and makes a
/// space of NEL; escaped, they stand for themselves in both.
pub(crate) fn text(body: &Value) -> String {
    let plain = body.to_string();
    if !plain.chars().any(is_odd) {
        return plain;
    }
    let mut text = String::with_capacity(plain.len());
    for character in plain.chars() {
        // JSON has them within strings alone.
        if is_odd(character) {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

const fn is_odd(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_yaml_reads_otherwise_is_escaped_and_means_the_same() {
        let odd = json!({"a\u{7f}": "x\u{85}\u{9b}\u{2028}\u{feff}\u{ffff}é😀\n"});
        let text = text(&odd);
        assert!(!text.chars().any(is_odd), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), odd);
        assert!(text.contains("é😀"), "{text}");
    }
}
