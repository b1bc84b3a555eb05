//! Values on one line (`std.toString`) and as JSON in a style (`std.manifestJsonEx`).

use std::fmt::Write as _;

use rsjsonnet_lang::program::{Value, ValueKind};

use super::numbers::{seventeen_digits, shortest};
use crate::manifest::string;

/// Deepest nesting: that of calls, of which printing is one in the native command. It also bounds the stack.
pub(super) const MAX_DEPTH: usize = 500;

/// What to say of a value that is deeper.
pub(super) const TOO_DEEP: &str = "the value is nested more than 500 levels deep";

/// How to lay out JSON.
pub(super) struct Style {
    pub(super) indent: String,
    pub(super) newline: String,
    pub(super) separator: String,
}

/// `value` as `std.toString` writes it.
pub(super) fn line(value: &Value<'_>) -> Result<String, String> {
    if let ValueKind::String(text) = value.kind() {
        return Ok(text);
    }
    let mut out = String::new();
    write_line(value, 0, &mut out)?;
    Ok(out)
}

fn write_line(value: &Value<'_>, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(TOO_DEEP.to_owned());
    }
    match value.kind() {
        ValueKind::Null => out.push_str("null"),
        ValueKind::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        ValueKind::Number(value) => out.push_str(&seventeen_digits(value)),
        ValueKind::String(text) => string(&text, out),
        ValueKind::Array(items) if items.is_empty() => out.push_str("[ ]"),
        ValueKind::Object(fields) if fields.is_empty() => out.push_str("{ }"),
        ValueKind::Array(items) => list(['[', ']'], &items, out, |item, out| write_line(item, depth + 1, out))?,
        ValueKind::Object(fields) => list(['{', '}'], &fields, out, |(name, field), out| {
            string(name.value(), out);
            out.push_str(": ");
            write_line(field, depth + 1, out)
        })?,
        ValueKind::Function => return Err("a function has no text".to_owned()),
    }
    Ok(())
}

fn list<T>(
    [open, close]: [char; 2],
    items: &[T],
    out: &mut String,
    mut item: impl FnMut(&T, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    out.push(open);
    for (index, each) in items.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        item(each, out)?;
    }
    out.push(close);
    Ok(())
}

/// `value` as JSON in a style.
pub(super) fn json(value: &Value<'_>, style: &Style) -> Result<String, String> {
    let mut out = String::new();
    write_json(value, style, 0, &mut out)?;
    Ok(out)
}

fn write_json(value: &Value<'_>, style: &Style, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(TOO_DEEP.to_owned());
    }
    match value.kind() {
        ValueKind::Null => out.push_str("null"),
        ValueKind::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        ValueKind::Number(value) => out.push_str(&shortest(value)),
        ValueKind::String(text) => go_string(&text, out),
        ValueKind::Array(items) => block(['[', ']'], &items, style, depth, out, |item, out| {
            write_json(item, style, depth + 1, out)
        })?,
        ValueKind::Object(fields) => block(['{', '}'], &fields, style, depth, out, |(name, field), out| {
            go_string(name.value(), out);
            out.push_str(&style.separator);
            write_json(field, style, depth + 1, out)
        })?,
        ValueKind::Function => return Err("a function is no JSON".to_owned()),
    }
    Ok(())
}

/// Items in brackets; empty brackets hold two newlines.
fn block<T>(
    [open, close]: [char; 2],
    items: &[T],
    style: &Style,
    depth: usize,
    out: &mut String,
    mut item: impl FnMut(&T, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    out.push(open);
    out.push_str(&style.newline);
    for (index, each) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
            out.push_str(&style.newline);
        }
        out.push_str(&style.indent.repeat(depth + 1));
        item(each, out)?;
    }
    out.push_str(&style.newline);
    out.push_str(&style.indent.repeat(depth));
    out.push(close);
    Ok(())
}

/// As Go's `encoding/json` writes it: other characters are escaped than in Jsonnet's own strings.
fn go_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string can't fail.
            '\0'..' ' | '\u{2028}' | '\u{2029}' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}
