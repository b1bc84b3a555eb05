//! Which keys go-jsonnet writes without quotes when asked to.

/// Words that YAML takes for something else, whatever their case.
const RESERVED: [&str; 16] = [
    "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", "-.inf", "+.inf", ".inf", "null", "-", "---", "''",
];

/// Whether `key` needs no quotes: it has no odd character, and can't be taken for a word, a date or a number.
pub(super) fn is_plain(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    !key.is_empty()
        && key.chars().all(plain)
        && !RESERVED.contains(&key.to_ascii_lowercase().as_str())
        && !is_date(key)
        && !is_number(key)
}

/// Digits with two dashes among them.
fn is_date(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_digit() || c == '-') && key.matches('-').count() == 2
}

fn is_number(key: &str) -> bool {
    is_binary(key) || holds_hexadecimal(key) || is_float(key)
}

fn is_binary(key: &str) -> bool {
    let digits = unsigned(key).strip_prefix("0b");
    digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| matches!(c, '0' | '1' | '_')))
}

/// Anywhere in the key: the native command's pattern is not anchored.
fn holds_hexadecimal(key: &str) -> bool {
    key.match_indices("0x")
        .any(|(at, _)| key[at + 2..].starts_with(|c: char| c.is_ascii_hexdigit() || c == '_'))
}

/// What Go's `strconv.ParseFloat` takes: decimals, and the words for what is no number. Hexadecimals were looked for.
fn is_float(key: &str) -> bool {
    let word = unsigned(key).to_ascii_lowercase();
    if matches!(word.as_str(), "inf" | "infinity") {
        return true;
    }
    if word == "nan" {
        return word.len() == key.len();
    }
    let digits = without_separators(&word);
    // Rust knows the same forms, but no number is too large for it.
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `1_000` as `1000`; an underscore elsewhere than between digits stays, and is part of no number.
fn without_separators(word: &str) -> String {
    let bytes = word.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let kept = |&(at, c): &(usize, char)| c != '_' || at == 0 || !digit(at - 1) || !digit(at + 1);
    word.char_indices().filter(kept).map(|(_, c)| c).collect()
}

fn unsigned(key: &str) -> &str {
    key.strip_prefix(['-', '+']).unwrap_or(key)
}
