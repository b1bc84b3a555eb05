//! Prints a value as the native command does: three spaces, fields in order, numbers with 17 digits.
//!
//! The evaluator has a printer of its own, but writes numbers as short as possible: `1 / 3` would differ in bytes
//! from `jsonnet` and from what other engines rendered before.

use std::fmt::Write as _;

use rsjsonnet_lang::program::{Value, ValueKind};

/// Deepest nesting: what JSON readers refuse beyond, the host's included.
pub(crate) const MAX_DEPTH: usize = 127;

/// Why a value can't be printed, as "it …".
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It holds a function.
    Function,
    /// It is deeper than [`MAX_DEPTH`].
    Depth,
}

/// `value` as JSON with a newline at the end.
pub(crate) fn json(value: &Value<'_>) -> Result<String, Refused> {
    let mut out = String::new();
    write(value, 0, &mut out)?;
    out.push('\n');
    Ok(out)
}

fn write(value: &Value<'_>, depth: usize, out: &mut String) -> Result<(), Refused> {
    if depth > MAX_DEPTH {
        return Err(Refused::Depth);
    }
    match value.kind() {
        ValueKind::Null => out.push_str("null"),
        ValueKind::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        ValueKind::Number(value) => out.push_str(&number(value)),
        ValueKind::String(text) => string(&text, out),
        ValueKind::Array(items) => block(&items, ['[', ']'], depth, out, |item, out| write(item, depth + 1, out))?,
        ValueKind::Object(fields) => block(&fields, ['{', '}'], depth, out, |(name, field), out| {
            string(name.value(), out);
            out.push_str(": ");
            write(field, depth + 1, out)
        })?,
        ValueKind::Function => return Err(Refused::Function),
    }
    Ok(())
}

/// Items in brackets, one a line; empty brackets hold a space.
fn block<T>(
    items: &[T],
    [open, close]: [char; 2],
    depth: usize,
    out: &mut String,
    mut item: impl FnMut(&T, &mut String) -> Result<(), Refused>,
) -> Result<(), Refused> {
    out.push(open);
    for (index, each) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        indent(depth + 1, out);
        item(each, out)?;
    }
    if items.is_empty() {
        out.push(' ');
    } else {
        out.push('\n');
        indent(depth, out);
    }
    out.push(close);
    Ok(())
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("   ", depth));
}

pub(crate) fn string(text: &str, out: &mut String) {
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
            '\0'..' ' | '\u{7f}'..='\u{9f}' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Whole numbers in full, others as C's `%.17g`.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    let scientific = format!("{value:.16e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 {
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        return format!("{digits}e-{:02}", -exponent);
    }
    let decimals = usize::try_from(16 - exponent).unwrap_or(0);
    format!("{value:.decimals$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_does() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (100.0, "100"),
            (1e21, "1000000000000000000000"),
            (0.1, "0.10000000000000001"),
            (0.5, "0.5"),
            (-2.25, "-2.25"),
            (1.0 / 3.0, "0.33333333333333331"),
            (123_456.789, "123456.789"),
            (0.0001, "0.0001"),
            (0.000_01, "1.0000000000000001e-05"),
            (-1.5e-9, "-1.5e-09"),
            (5e-324, "4.9406564584124654e-324"),
            (4_503_599_627_370_495.5, "4503599627370495.5"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn strings_escape_control_characters() {
        let mut out = String::new();
        string("a\"\\\u{8}\u{c}\n\r\t\0\u{7f}\u{9f}\u{a0}é😀", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u007f\\u009f\u{a0}é😀\"");
    }
}
