//! `std.manifestYamlDoc`.

use rsjsonnet_lang::program::{Value, ValueKind};

use super::numbers::shortest;
use super::printing::{MAX_DEPTH, TOO_DEEP};
use super::yaml_keys::is_plain;
use crate::manifest::string;

const INDENT: &str = "  ";

/// Choices of the caller.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) indent_arrays: bool,
    pub(super) quote_keys: bool,
}

/// `value` as a document, without a newline at its end.
pub(super) fn document(value: &Value<'_>, style: Style) -> Result<String, String> {
    let mut out = String::new();
    write(value, style, "", 0, &mut out)?;
    Ok(out)
}

fn write(value: &Value<'_>, style: Style, indent: &str, depth: usize, out: &mut String) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(TOO_DEEP.to_owned());
    }
    match value.kind() {
        ValueKind::Null => out.push_str("null"),
        ValueKind::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        ValueKind::Number(value) => out.push_str(&shortest(value)),
        ValueKind::String(text) => write_string(&text, indent, out),
        ValueKind::Array(items) => write_array(&items, style, indent, depth, out)?,
        ValueKind::Object(fields) if fields.is_empty() => out.push_str("{}"),
        ValueKind::Object(fields) => {
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    new_line(indent, out);
                }
                write_key(name.value(), style, out);
                write_field(field, style, indent, depth, out)?;
            }
        }
        // The native command writes nothing, and does not complain.
        ValueKind::Function => {}
    }
    Ok(())
}

fn write_array(items: &[Value<'_>], style: Style, indent: &str, depth: usize, out: &mut String) -> Result<(), String> {
    if items.is_empty() {
        out.push_str("[]");
    }
    let deeper = format!("{indent}{INDENT}");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            new_line(indent, out);
        }
        out.push('-');
        match item.kind() {
            ValueKind::Array(inner) if !inner.is_empty() => new_line(&deeper, out),
            _ => out.push(' '),
        }
        let nested = item.is_array() || item.is_object();
        write(item, style, if nested { &deeper } else { indent }, depth + 1, out)?;
    }
    Ok(())
}

fn write_field(field: &Value<'_>, style: Style, indent: &str, depth: usize, out: &mut String) -> Result<(), String> {
    let deeper = format!("{indent}{INDENT}");
    let indent = match field.kind() {
        ValueKind::Array(items) if !items.is_empty() => {
            let indent = if style.indent_arrays { &deeper } else { indent };
            new_line(indent, out);
            indent
        }
        ValueKind::Object(fields) if !fields.is_empty() => {
            new_line(&deeper, out);
            &deeper
        }
        _ => {
            out.push(' ');
            indent
        }
    };
    write(field, style, indent, depth + 1, out)
}

fn write_key(name: &str, style: Style, out: &mut String) {
    if style.quote_keys || !is_plain(name) {
        string(name, out);
    } else {
        out.push_str(name);
    }
    out.push(':');
}

/// Text with a newline at its end is a block.
fn write_string(text: &str, indent: &str, out: &mut String) {
    match text.strip_suffix('\n') {
        Some(lines) => {
            out.push('|');
            for line in lines.split('\n') {
                new_line(indent, out);
                out.push_str(INDENT);
                out.push_str(line);
            }
        }
        None => string(text, out),
    }
}

fn new_line(indent: &str, out: &mut String) {
    out.push('\n');
    out.push_str(indent);
}
