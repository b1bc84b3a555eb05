//! What a YAML scalar means, by the rules of YAML 1.1 as Go's `yaml.v2` reads them.

/// A scalar's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Whole(i128),
    Number(f64),
    Text(String),
}

/// The value of `text`. `tag`: its core tag, `int` in `!!int`; empty for any other.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Scalar, String> {
    let found = match tag {
        None if plain => implicit(text)?,
        None | Some("" | "str" | "timestamp") => return Ok(Scalar::Text(text.to_owned())),
        Some("binary") => return binary(text),
        Some(_) => implicit(text)?,
    };
    match (tag, found) {
        (Some("float"), Scalar::Whole(value)) => Ok(Scalar::Number(super::yaml_read::as_double(value))),
        (Some("null"), Scalar::Null) => Ok(Scalar::Null),
        (Some("bool"), Scalar::Bool(value)) => Ok(Scalar::Bool(value)),
        (Some("int"), Scalar::Whole(value)) => Ok(Scalar::Whole(value)),
        (Some("float"), Scalar::Number(value)) => Ok(Scalar::Number(value)),
        (None, found) => Ok(found),
        (Some(tag), _) => Err(format!("`{text}` is no !!{tag}")),
    }
}

/// Without a tag.
fn implicit(text: &str) -> Result<Scalar, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Err("JSON has no NaN".to_owned()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return Err("JSON has no infinity".to_owned());
        }
        _ => number(text).unwrap_or_else(|| Scalar::Text(text.to_owned())),
    })
}

fn number(text: &str) -> Option<Scalar> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits = text.replace('_', "");
    if let Some(value) = whole(&digits).filter(|_| !text.starts_with('.')) {
        return Some(Scalar::Whole(value));
    }
    let number = if is_decimal(&digits) { digits.parse().ok() } else { None };
    number.filter(|value: &f64| value.is_finite()).map(Scalar::Number)
}

/// What fits into 64 bits, signed or not: decimal, `0x`, `0o`, `0b`, or octal by a leading zero.
fn whole(text: &str) -> Option<i128> {
    let (negative, signed) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (radix, digits) = radix(signed);
    let usable = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let size = if usable {
        i128::from_str_radix(digits, radix).ok()?
    } else {
        return None;
    };
    let value = if negative { -size } else { size };
    // Only without a sign is there room for the 64th bit.
    let largest = if signed.len() == text.len() {
        i128::from(u64::MAX)
    } else {
        i128::from(i64::MAX)
    };
    (i128::from(i64::MIN)..=largest).contains(&value).then_some(value)
}

fn radix(digits: &str) -> (u32, &str) {
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        if let Some(rest) = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix)) {
            return (radix, rest);
        }
    }
    match digits.strip_prefix('0') {
        Some(rest) if !rest.is_empty() => (8, rest),
        _ => (10, digits),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['-', '+']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(before)
        && digits(after)
        && digits(exponent)
        && !exponent.is_empty()
        && (!before.is_empty() || !after.is_empty())
}

/// `!!binary`: base64 in lines, of bytes that are taken for text.
fn binary(text: &str) -> Result<Scalar, String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64(&text).ok_or("`!!binary` is base64")?;
    Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (bits, count) = ((bits << 6) | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            bytes.push(byte);
        }
    }
    Some(bytes)
}
