//! Functions of the library that Jsonnet can't say, or not fast enough.

use rsjsonnet_lang::program::{Program, Value, ValueKind};

use super::{printing, toml, yaml_read, yaml_text};

/// Name and parameters of each; the overlay finds them under this prefix.
const PREFIX: &str = "windlass:";
const FUNCTIONS: [(&str, &[&str]); 7] = [
    ("toString", &["value"]),
    ("decode", &["bytes"]),
    ("equalFold", &["a", "b"]),
    ("parseYaml", &["text"]),
    ("manifestJsonEx", &["value", "indent", "newline", "separator"]),
    ("manifestYamlDoc", &["value", "indent_arrays", "quote_keys"]),
    ("manifestTomlEx", &["value", "indent"]),
];

/// Makes them known to `program`.
pub(crate) fn register(program: &mut Program<'_>) {
    for (name, parameters) in FUNCTIONS {
        let name = program.intern_str(&format!("{PREFIX}{name}"));
        let parameters: Vec<_> = parameters
            .iter()
            .map(|parameter| program.intern_str(parameter))
            .collect();
        program.register_native_func(name, &parameters);
    }
}

/// Calls the one of that name; the error says what is wrong with the arguments.
pub(crate) fn call<'p>(program: &mut Program<'p>, name: &str, arguments: &[Value<'p>]) -> Result<Value<'p>, String> {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    match (name, arguments) {
        ("toString", [value]) => printing::line(value).map(|text| Value::string(&text)),
        ("decode", [bytes]) => decode(bytes).map(|text| Value::string(&text)),
        ("equalFold", [a, b]) => Ok(Value::bool(fold(&string(name, a)?) == fold(&string(name, b)?))),
        ("parseYaml", [text]) => yaml_read::documents(program, &string(name, text)?),
        ("manifestJsonEx", [value, indent, newline, separator]) => {
            let style = printing::Style {
                indent: string(name, indent)?,
                newline: string(name, newline)?,
                separator: string(name, separator)?,
            };
            printing::json(value, &style).map(|text| Value::string(&text))
        }
        ("manifestYamlDoc", [value, indent_arrays, quote_keys]) => {
            let style = yaml_text::Style {
                indent_arrays: boolean(name, indent_arrays)?,
                quote_keys: boolean(name, quote_keys)?,
            };
            yaml_text::document(value, style).map(|text| Value::string(&text))
        }
        ("manifestTomlEx", [value, indent]) => {
            toml::document(value, &string(name, indent)?).map(|text| Value::string(&text))
        }
        _ => Err(format!(
            "there is no native function `{name}` with {} arguments",
            arguments.len()
        )),
    }
}

fn string(function: &str, value: &Value<'_>) -> Result<String, String> {
    value
        .to_string()
        .ok_or_else(|| format!("`std.{function}` takes a string, not {}", kind(value)))
}

fn boolean(function: &str, value: &Value<'_>) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| format!("`std.{function}` takes a boolean, not {}", kind(value)))
}

fn kind(value: &Value<'_>) -> &'static str {
    match value.kind() {
        ValueKind::Null => "null",
        ValueKind::Bool(_) => "a boolean",
        ValueKind::Number(_) => "a number",
        ValueKind::String(_) => "a string",
        ValueKind::Array(_) => "an array",
        ValueKind::Object(_) => "an object",
        ValueKind::Function => "a function",
    }
}

/// Bytes as text. Each byte that is part of no character becomes U+FFFD, as in Go.
fn decode(bytes: &Value<'_>) -> Result<String, String> {
    let items = bytes
        .to_array()
        .ok_or_else(|| format!("bytes are an array, not {}", kind(bytes)))?;
    let bytes = items.iter().map(byte).collect::<Result<Vec<u8>, String>>()?;
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return Ok(text);
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                text.push(char::REPLACEMENT_CHARACTER);
                rest = &broken[1..];
            }
        }
    }
}

fn byte(value: &Value<'_>) -> Result<u8, String> {
    let whole = value
        .as_number()
        .filter(|number| number.fract() == 0.0 && (0.0..256.0).contains(number));
    whole
        .map(|number| number as u8)
        .ok_or_else(|| "a byte is a whole number from 0 to 255".to_owned())
}

/// Letters that differ in case only become the same: Unicode's simple folding.
fn fold(text: &str) -> String {
    let single = |mut mapped: &mut dyn Iterator<Item = char>, original: char| {
        let first = mapped.next().unwrap_or(original);
        if (&mut mapped).next().is_some() {
            original
        } else {
            first
        }
    };
    text.chars()
        .map(|c| single(&mut c.to_uppercase(), c))
        .map(|c| single(&mut c.to_lowercase(), c))
        .collect()
}
