//! Jinja over the event.

use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, Value, escape_formatter};

/// How printed values are escaped: the name of a custom way.
const IN_JSON: &str = "in a string of JSON";

/// The event as templates see it: its fields by name.
pub(crate) struct Templates {
    environment: Environment<'static>,
    context: Value,
}

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Within JSON: a printed value is escaped as within a string; `| tojson` prints a whole value.
    Json,
    /// Anywhere else.
    Text,
}

impl Templates {
    pub(crate) fn new(fields: &serde_json::Map<String, serde_json::Value>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name {
            "json" => AutoEscape::Custom(IN_JSON),
            _ => AutoEscape::None,
        });
        environment.set_formatter(print);
        Self {
            environment,
            context: Value::from_serialize(fields),
        }
    }

    /// The text, or what is wrong with its template.
    pub(crate) fn render(&self, template: &str, place: Place) -> Result<String, String> {
        let name = match place {
            Place::Json => "json",
            Place::Text => "text",
        };
        let rendered = self.environment.render_named_str(name, template, &self.context);
        rendered.map_err(|error| told(&error))
    }
}

/// What is not there prints as nothing.
fn print(out: &mut Output<'_>, state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    match state.auto_escape() {
        AutoEscape::Custom(_) if !value.is_safe() => {
            let quoted = serde_json::Value::from(value.to_string()).to_string();
            Ok(out.write_str(&quoted[1..quoted.len() - 1])?)
        }
        AutoEscape::Custom(_) => Ok(out.write_str(&value.to_string())?),
        _ => escape_formatter(out, state, value),
    }
}

fn told(error: &Error) -> String {
    let what = error.detail().map_or_else(
        || error.kind().to_string(),
        |detail| format!("{}: {detail}", error.kind()),
    );
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn templates() -> Templates {
        let event = json!({
            "app": "api",
            "message": "a \"quoted\" \\ line\nand another",
            "revision": null,
            "occurrence": 2,
            "findings": [{"path": "a.yaml", "line": 7, "message": "a <tab>"}, {"path": null, "line": null, "message": "b"}],
        });
        let Value::Object(fields) = event else { panic!() };
        Templates::new(&fields)
    }

    fn json(template: &str) -> Value {
        let text = templates().render(template, Place::Json).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn values_are_escaped_within_strings_of_json() {
        assert_eq!(
            json(r#"{"text": "App {{ app }}: {{ message }}", "n": {{ occurrence }}, "revision": "{{ revision }}"}"#),
            json!({"text": "App api: a \"quoted\" \\ line\nand another", "n": 2, "revision": ""})
        );
    }

    #[test]
    fn whole_values_lists_and_conditions_are_written() {
        let template = r#"{"all": {{ findings | tojson }}, "none": {{ revision | tojson }},
            "lines": "{% for f in findings if f.path %}{{ f.path }}:{{ f.line }} {{ f.message }}{% if not loop.last %}\n{% endif %}{% endfor %}",
            "first": "{{ findings[0].message | upper }}"}"#;
        let told = json(template);
        assert_eq!(told["all"][0]["message"], "a <tab>");
        assert_eq!(
            (&told["none"], &told["lines"], &told["first"]),
            (&Value::Null, &"a.yaml:7 a <tab>".into(), &"A <TAB>".into())
        );
    }

    #[test]
    fn text_is_printed_as_it_is() {
        let text = templates()
            .render("{{ app }}: {{ message }} {{ revision }}!", Place::Text)
            .unwrap();
        assert_eq!(text, "api: a \"quoted\" \\ line\nand another !");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (template, word) in [
            ("{\n{{ appp }}", "line 2: undefined value"),
            ("\n\n{% if %}", "line 3: syntax error"),
            ("{{ app | shout }}", "line 1: unknown filter"),
            ("{{ findings[9].path }}", "line 1: undefined value"),
        ] {
            let error = templates().render(template, Place::Json).unwrap_err();
            assert!(error.starts_with(word), "{error}");
        }
    }
}
