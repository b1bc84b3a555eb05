//! The text of paths: what stands in brackets, and texts quoted as Go's `%q` does it.

use serde_json::Value;

use super::element::Element;

/// Text that is no path of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no path of a field")]
pub struct BadPath {
    text: String,
}

impl BadPath {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

/// A value as it stands in a key.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        _ => value.to_string(),
    }
}

/// Reads `[…]` at the beginning of a text, and returns what follows.
pub(super) fn bracket(text: &str) -> Option<(Element, &str)> {
    let inner = text.strip_prefix('[')?;
    if let Some(rest) = inner.strip_prefix('=') {
        let (value, rest) = literal(rest)?;
        return Some((Element::Item(super::Json(value)), rest.strip_prefix(']')?));
    }
    let digits = inner.find(']').map(|end| (&inner[..end], &inner[end + 1..]));
    if let Some((index, rest)) = digits
        && let Ok(index) = index.parse()
    {
        return Some((Element::Index(index), rest));
    }
    keys(inner)
}

fn keys(mut rest: &str) -> Option<(Element, &str)> {
    let mut keys = Vec::new();
    loop {
        let (name, after) = rest.split_once('=').filter(|(name, _)| is_key(name))?;
        let (value, after) = literal(after)?;
        keys.push((name.to_owned(), value));
        if let Some(after) = after.strip_prefix(',') {
            rest = after;
        } else {
            return Some((Element::key(keys), after.strip_prefix(']')?));
        }
    }
}

/// Names of keys are those of fields in a schema.
fn is_key(name: &str) -> bool {
    !name.is_empty() && !name.contains(['[', ']', ',', '"'])
}

/// A quoted text, or a number, a boolean or nothing up to `,` or `]`. Maps and lists are printed in a form that can't be read back.
fn literal(text: &str) -> Option<(Value, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        let (text, rest) = unquote(rest)?;
        return Some((text.into(), rest));
    }
    let end = text.find([',', ']'])?;
    let value: Value = serde_json::from_str(&text[..end]).ok()?;
    let is_scalar = matches!(value, Value::Null | Value::Bool(_) | Value::Number(_));
    is_scalar.then_some((value, &text[end..]))
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Up to the closing quote, and what follows it.
pub(crate) fn unquote(text: &str) -> Option<(String, &str)> {
    // Of bytes: `\xNN` may be half of a character, with which Go prints what is no UTF-8.
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        let c = rest.chars().next()?;
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return Some((String::from_utf8_lossy(&bytes).into_owned(), rest)),
            '\\' => rest = escape(rest, &mut bytes)?,
            c => push(&mut bytes, c),
        }
    }
}

fn escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Option<&'t str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => {
            bytes.push(match kind {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '\\' | '"' | '\'' => u8::try_from(kind).ok()?,
                _ => return None,
            });
            return Some(rest);
        }
    };
    let (number, rest) = rest.split_at_checked(digits)?;
    let number = u32::from_str_radix(number, 16).ok()?;
    if kind == 'x' {
        bytes.push(u8::try_from(number).ok()?);
    } else {
        push(bytes, char::from_u32(number)?);
    }
    Some(rest)
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
