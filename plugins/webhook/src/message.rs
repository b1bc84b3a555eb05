//! The request that tells of an event.

use serde_json::Value;
use windlass_sdk::http::{Encoding, Hmac, Request};

use crate::{
    config::{Config, Escape},
    marks::Marks,
    template::{Place, Templates},
};

/// Bytes of an answer that are looked at: its reason, where it has one.
const RESPONSE_BYTES: u32 = 4 << 10;

/// What is to be told.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The event as JSON.
    pub(crate) payload: String,
    /// Idempotency key.
    pub(crate) key: String,
    /// From 1.
    pub(crate) attempt: u32,
}

/// Writes it, or says what is wrong with the config.
pub(crate) fn request(config: &Config, facts: &Facts) -> Result<Request, String> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(&facts.payload) else {
        return Err("the event is no object of JSON".to_owned());
    };
    fields.insert("key".to_owned(), facts.key.clone().into());
    fields.insert("attempt".to_owned(), facts.attempt.into());
    let templates = Templates::new(&fields);
    let mut marks = marks(config, facts, &fields)?;
    let begins_raw = |first| if first { Encoding::Raw } else { Encoding::UrlComponent };
    let url = marks.put(&config.url, begins_raw).map_err(at("url"))?;
    let headers = headers(config, facts, &templates, &mut marks)?;
    let body = match &config.body {
        Some(template) => body(config, template, &templates, &mut marks).map_err(at("body"))?,
        None if config.method == "GET" => String::new(),
        None => facts.payload.clone(),
    };
    Ok(Request {
        method: config.method.clone(),
        url,
        headers,
        body: body.into_bytes(),
        substitute: marks.substitutions(),
        sign: config.sign.as_ref().map(|sign| Hmac {
            secret: sign.secret.clone(),
            algorithm: sign.algorithm.clone(),
            header: sign.header.clone(),
            prefix: sign.prefix.clone(),
        }),
        max_response: RESPONSE_BYTES,
        timeout_ms: config.timeout * 1000,
    })
}

/// Marks that occur in nothing that is written: neither in what the templates print nor in what they hold.
fn marks(config: &Config, facts: &Facts, fields: &serde_json::Map<String, Value>) -> Result<Marks, String> {
    // Decoded, for a text that is escaped in the payload is not when it is printed.
    let mut texts = vec![
        config.url.as_str(),
        facts.payload.as_str(),
        config.body.as_deref().unwrap_or_default(),
    ];
    texts.extend(
        config
            .headers
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()]),
    );
    fields.values().for_each(|value| collect(value, &mut texts));
    Marks::for_texts(&texts)
}

fn collect<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(map) => {
            for (key, value) in map {
                texts.push(key);
                collect(value, texts);
            }
        }
        _ => {}
    }
}

fn headers(
    config: &Config,
    facts: &Facts,
    templates: &Templates,
    marks: &mut Marks,
) -> Result<Vec<(String, String)>, String> {
    let is_named = |wanted: &str| config.headers.keys().any(|name| name.eq_ignore_ascii_case(wanted));
    let mut headers = Vec::new();
    for (name, template) in &config.headers {
        let value = marks
            .put(template, |_| Encoding::Raw)
            .and_then(|marked| templates.render(&marked, Place::Text))
            .map_err(at(&format!("headers/{name}")))?;
        // A message of several lines is no reason not to tell.
        let value = value.replace(|c: char| c.is_control(), " ");
        headers.push((name.clone(), value.trim().to_owned()));
    }
    if !is_named("content-type") && (config.body.is_some() || config.method != "GET") {
        headers.push(("content-type".to_owned(), config.content_type.clone()));
    }
    if !is_named("idempotency-key") {
        headers.push(("idempotency-key".to_owned(), facts.key.clone()));
    }
    Ok(headers)
}

fn body(config: &Config, template: &str, templates: &Templates, marks: &mut Marks) -> Result<String, String> {
    match config.escape {
        Escape::None => templates.render(&marks.put(template, |_| Encoding::Raw)?, Place::Text),
        Escape::Json => {
            let text = templates.render(&marks.put(template, |_| Encoding::JsonString)?, Place::Json)?;
            match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
                Ok(_) => Ok(text),
                Err(error) => Err(format!(
                    "what it renders is no JSON: {error}; a value within quotes is `\"{{{{ app }}}}\"`, a whole one `{{{{ findings | tojson }}}}`"
                )),
            }
        }
    }
}

fn at(field: &str) -> impl Fn(String) -> String {
    move |what| format!("config `/{field}`: {what}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(extra: Value) -> Config {
        let mut config = json!({"url": "https://hooks.test/x", "method": "POST", "headers": {}, "contentType": "application/json",
            "escape": "json", "timeout": 10});
        for (key, value) in extra.as_object().unwrap() {
            config[key] = value.clone();
        }
        serde_json::from_value(config).unwrap()
    }

    fn facts(message: &str) -> Facts {
        Facts {
            payload: json!({"app": "api", "state": "failed", "message": message}).to_string(),
            key: "key-1".to_owned(),
            attempt: 3,
        }
    }

    fn of(extra: Value) -> Request {
        request(&config(extra), &facts("no")).unwrap()
    }

    fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
        let found = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn without_a_template_the_event_is_sent_as_it_is() {
        let request = of(json!({}));
        assert_eq!(request.body, facts("no").payload.into_bytes());
        assert_eq!(header(&request, "content-type"), Some("application/json"));
        assert_eq!(header(&request, "idempotency-key"), Some("key-1"));
        assert_eq!((request.timeout_ms, request.sign.is_none()), (10_000, true));
    }

    #[test]
    fn secrets_are_marked_where_they_stand() {
        let request = of(json!({
            "url": "https://hooks.test/${secret:path}?t=${secret:token}",
            "headers": {"Authorization": "Bearer ${secret:token}", "X-State": "{{ state }} {{ attempt }}"},
            "body": r#"{"key": "${secret:token}", "text": "{{ app }}"}"#,
            "sign": {"secret": "hmac", "header": "X-Sig", "prefix": "v1=", "algorithm": "sha256"},
        }));
        let encodings: Vec<_> = request
            .substitute
            .iter()
            .map(|one| (one.secret.as_str(), one.encoding))
            .collect();
        assert_eq!(
            encodings,
            [
                ("path", Encoding::UrlComponent),
                ("token", Encoding::UrlComponent),
                ("token", Encoding::Raw),
                ("token", Encoding::JsonString)
            ]
        );
        let mark = |index: usize| request.substitute[index].placeholder.as_str();
        assert_eq!(request.url, format!("https://hooks.test/{}?t={}", mark(0), mark(1)));
        assert_eq!(
            header(&request, "authorization"),
            Some(format!("Bearer {}", mark(2)).as_str())
        );
        assert_eq!(header(&request, "x-state"), Some("failed 3"));
        assert_eq!(
            String::from_utf8(request.body.clone()).unwrap(),
            format!(r#"{{"key": "{}", "text": "api"}}"#, mark(3))
        );
        assert_eq!(request.sign.as_ref().map(|sign| sign.prefix.as_str()), Some("v1="));
    }

    /// A commit must not put a secret into a message.
    #[test]
    fn what_an_event_says_is_never_taken_for_a_secret() {
        let config = config(json!({"body": r#"{"a": "{{ message }}", "b": "${secret:token}"}"#}));
        let hostile = "${secret:token} \u{e000}0\u{e000} \\ue0000";
        let request = request(&config, &facts(hostile)).unwrap();
        let mark = &request.substitute[0].placeholder;
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!((&body["a"], &body["b"]), (&hostile.into(), &mark.as_str().into()));
        assert!(!hostile.contains(mark.chars().next().unwrap()));
    }

    #[test]
    fn a_whole_url_may_be_a_secret() {
        let request = of(json!({"url": "${secret:hook}"}));
        assert_eq!(request.substitute[0].encoding, Encoding::Raw);
    }

    #[test]
    fn mistakes_name_their_field() {
        for (extra, word) in [
            (
                json!({"body": "{\"a\": {{ app }}}"}),
                "config `/body`: what it renders is no JSON",
            ),
            (
                json!({"body": "{{ nothing }}"}),
                "config `/body`: line 1: undefined value",
            ),
            (
                json!({"url": "https://${secret:a b}"}),
                "config `/url`: `${secret:` is not followed",
            ),
            (
                json!({"headers": {"X-A": "{{"}}),
                "config `/headers/X-A`: line 1: syntax error",
            ),
        ] {
            let error = request(&config(extra), &facts("no")).unwrap_err();
            assert!(error.starts_with(word), "{error}");
        }
    }

    #[test]
    fn headers_hold_no_line_feeds() {
        let config = config(json!({"headers": {"X-Message": "{{ message }}"}}));
        let request = request(&config, &facts("one\r\nX-Other: two\n")).unwrap();
        assert_eq!(header(&request, "x-message"), Some("one  X-Other: two"));
    }
}
