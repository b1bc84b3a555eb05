//! Texts of plugins and repositories, made harmless for a terminal.
//!
//! A file name or a message can hold escape sequences that move the cursor, rewrite what was printed, set the window's title or
//! answer back as typed input; and marks that turn the direction of text, so that a line reads as another one.

use std::borrow::Cow;

/// Text of several lines: everything that acts on a terminal is dropped, line feeds and tabs stay.
#[must_use]
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| acts(c) && !matches!(c, '\n' | '\t')) {
        text.chars()
            .filter(|c| !acts(*c) || matches!(c, '\n' | '\t'))
            .collect::<String>()
            .into()
    } else {
        text.into()
    }
}

/// Text of one line, such as a name in a table: line feeds and tabs become a space.
#[must_use]
pub(super) fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return text.into();
    }
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\t' => Some(' '),
            c if acts(c) => None,
            c => Some(c),
        })
        .collect::<String>()
        .into()
}

/// JSON whose strings do nothing to a terminal and still say the same: JSON leaves DEL, C1 and direction marks as they are.
#[must_use]
pub(super) fn json(text: &str) -> Cow<'_, str> {
    // Others stand escaped in strings already, and a line feed outside of them.
    if !text.chars().any(|c| acts(c) && c != '\n') {
        return text.into();
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) && c != '\n' {
            clean.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            clean.push(c);
        }
    }
    clean.into()
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and what changes the direction of text.
const fn acts(c: char) -> bool {
    matches!(
        c,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(text("a\u{1b}[2Jb\u{7}\r\n\tc"), "a[2Jb\n\tc");
        assert_eq!(text("\u{9b}31mred\u{7f}"), "31mred");
        assert_eq!(line("x\u{1b}]0;title\u{7}\ny\tz"), "x]0;title y z");
    }

    #[test]
    fn direction_marks_are_dropped() {
        assert_eq!(line("safe\u{202e}txt.exe\u{2066}"), "safetxt.exe");
    }

    #[test]
    fn json_keeps_what_it_says() {
        let value = serde_json::json!({"a\u{202e}": "\u{1b}[2J\u{9b}31m\u{7f}\u{2028}\n\t\"ä"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let harmless = json(&text);
        assert!(!harmless.chars().any(|c| acts(c) && c != '\n'), "{harmless:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless).unwrap(), value);
    }

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(text("Größe\n\t日本"), Cow::Borrowed("Größe\n\t日本")));
        assert!(matches!(line("Größe 日本"), Cow::Borrowed("Größe 日本")));
    }
}
