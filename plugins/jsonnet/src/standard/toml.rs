//! `std.manifestTomlEx`.

use rsjsonnet_lang::interner::InternedStr;
use rsjsonnet_lang::program::{Value, ValueKind};

use super::numbers::seventeen_digits;
use super::printing::{MAX_DEPTH, TOO_DEEP};
use crate::manifest::string;

type Fields<'p> = [(InternedStr<'p>, Value<'p>)];

/// `value`, an object, as TOML.
pub(super) fn document(value: &Value<'_>, indent: &str) -> Result<String, String> {
    match value.kind() {
        ValueKind::Object(fields) => Printer { indent }.body(&fields, &[], "", 0),
        _ => Err("a TOML document is an object".to_owned()),
    }
}

struct Printer<'a> {
    indent: &'a str,
}

impl Printer<'_> {
    /// Values first, then tables, an empty line before each.
    fn body(&self, fields: &Fields<'_>, path: &[String], indent: &str, depth: usize) -> Result<String, String> {
        if depth > MAX_DEPTH {
            return Err(TOO_DEEP.to_owned());
        }
        let mut lines = Vec::new();
        let mut sections = vec![String::new()];
        for (name, field) in fields {
            let name = key(name.value());
            let path = [path, std::slice::from_ref(&name)].concat();
            match (field.kind(), tables(field)) {
                (ValueKind::Object(fields), _) => {
                    sections.push(self.table(["[", "]"], &fields, &path, indent, depth)?)
                }
                (_, Some(tables)) => sections.push(self.tables(&tables, &path, indent, depth)?),
                _ => {
                    let text = format!("{name} = {}", self.value(field, false, depth + 1)?);
                    lines.extend(text.split('\n').map(str::to_owned));
                }
            }
        }
        let start = if lines.is_empty() { "" } else { indent };
        Ok(format!(
            "{start}{}{}",
            lines.join(&format!("\n{indent}")),
            sections.join("\n\n")
        ))
    }

    fn table(
        &self,
        [open, close]: [&str; 2],
        fields: &Fields<'_>,
        path: &[String],
        indent: &str,
        depth: usize,
    ) -> Result<String, String> {
        let end = if fields.is_empty() { "" } else { "\n" };
        let body = self.body(fields, path, &format!("{indent}{}", self.indent), depth + 1)?;
        Ok(format!("{indent}{open}{}{close}{end}{body}", path.join(".")))
    }

    /// `[[name]]`, once for each.
    fn tables(&self, tables: &[Value<'_>], path: &[String], indent: &str, depth: usize) -> Result<String, String> {
        let mut texts = Vec::new();
        for table in tables {
            if let ValueKind::Object(fields) = table.kind() {
                texts.push(self.table(["[[", "]]"], &fields, path, indent, depth)?);
            }
        }
        Ok(texts.join("\n\n"))
    }

    fn value(&self, value: &Value<'_>, inline: bool, depth: usize) -> Result<String, String> {
        if depth > MAX_DEPTH {
            return Err(TOO_DEEP.to_owned());
        }
        Ok(match value.kind() {
            ValueKind::Null => return Err("TOML has no null".to_owned()),
            ValueKind::Function => return Err("a function is no TOML".to_owned()),
            ValueKind::Bool(value) => value.to_string(),
            ValueKind::Number(value) => seventeen_digits(value),
            ValueKind::String(text) => quoted(&text),
            ValueKind::Array(items) if items.is_empty() => "[]".to_owned(),
            ValueKind::Array(items) => self.array(&items, inline, depth)?,
            ValueKind::Object(fields) => {
                let field = |(name, value): &(InternedStr<'_>, Value<'_>)| {
                    let value = self.value(value, true, depth + 1)?;
                    Ok(format!("{} = {value}", key(name.value())))
                };
                let fields = fields.iter().map(field).collect::<Result<Vec<_>, String>>()?;
                format!("{{ {} }}", fields.join(", "))
            }
        })
    }

    /// One item a line at the top, all on one line below.
    fn array(&self, items: &[Value<'_>], inline: bool, depth: usize) -> Result<String, String> {
        let (indent, separator) = if inline { ("", " ") } else { (self.indent, "\n") };
        let item = |item| Ok(format!("{indent}{}", self.value(item, true, depth + 1)?));
        let items = items.iter().map(item).collect::<Result<Vec<_>, String>>()?;
        Ok(format!(
            "[{separator}{}{separator}]",
            items.join(&format!(",{separator}"))
        ))
    }
}

/// The tables of an array that holds nothing else.
fn tables<'p>(value: &Value<'p>) -> Option<Vec<Value<'p>>> {
    let items = value.to_array()?;
    (!items.is_empty() && items.iter().all(Value::is_object)).then_some(items)
}

/// A key as it stands before `=` and in brackets.
fn key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() {
        "''".to_owned()
    } else if name.chars().all(plain) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    string(text, &mut out);
    out
}
