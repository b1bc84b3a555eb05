//! Texts that differ in how they write the same numbers.

/// What two doubles may differ by, in parts of their size: the last two of their 17 digits.
const TOLERANCE: f64 = 1e-14;

/// Whether two texts are equal but for numbers that are the same when read.
pub(super) fn same_but_for_digits(one: &[u8], other: &[u8]) -> bool {
    let (Ok(one), Ok(other)) = (std::str::from_utf8(one), std::str::from_utf8(other)) else {
        return false;
    };
    let (one, other) = (pieces(one), pieces(other));
    one.len() == other.len() && one.iter().zip(&other).all(|(one, other)| same(one, other))
}

/// Numbers and what stands between them, by turns.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit() && !".e-+".contains(c));
        let (number, after) = number.split_at(end.unwrap_or(number.len()));
        pieces.extend([before, number]);
        rest = after;
    }
    pieces
}

fn same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() <= TOLERANCE * one.abs().max(other.abs()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_may_differ() {
        let check = |one: &str, other: &str| same_but_for_digits(one.as_bytes(), other.as_bytes());
        assert!(check("\"a 0.10000000000000001 b\"", "\"a 0.1 b\""));
        assert!(check("1.0000000000000001e-05\n", "0.00001\n"));
        assert!(!check("0.1", "0.11"));
        assert!(!check("1.2.3", "1.2.4"));
        assert!(!check("a 1", "b 1"));
        assert!(!check("1", "1 2"));
    }
}
