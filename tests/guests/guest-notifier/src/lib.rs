//! A notifier that sends what its config says and tells what it saw in its log, and harm on demand, so that tests of the host can
//! drive each answer and limit from the guest's side.

use std::hint::black_box;

use serde::Deserialize;
use serde_json::{Value, json};
use windlass_sdk::{Event, Notifier, NotifyFailure, OpenError, http, log};

/// The plugin.
#[derive(Debug)]
pub struct Sender;

/// See `plugin.yaml`, which also fills the defaults.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    mode: Mode,
    n: u32,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    fill: usize,
    substitute: Vec<(String, String, String)>,
    sign: Vec<String>,
    max_response: u32,
    timeout_ms: u32,
}

/// What to do.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Send,
    Event,
    Retry,
    RetryLater,
    Rejected,
    Unsupported,
    Other,
    HugeReply,
    Spin,
    Memory,
    Trap,
    Panic,
}

impl Notifier for Sender {
    fn notify(event: &Event) -> Result<Option<String>, NotifyFailure> {
        let config: Config = event.config_as()?;
        match config.mode {
            Mode::Send => {
                for _ in 0..config.n {
                    log::info(&answer(&config).to_string(), &[]);
                }
            }
            Mode::Event => log::info(&seen(event).to_string(), &[]),
            Mode::Retry => return Err(NotifyFailure::Retry(None)),
            Mode::RetryLater => return Err(NotifyFailure::Retry(Some(config.n))),
            Mode::Rejected => return Err(NotifyFailure::Rejected("no such channel".to_owned())),
            Mode::Unsupported => return Err(NotifyFailure::Unsupported("no pictures".to_owned())),
            Mode::Other => {
                return Err(NotifyFailure::Other(OpenError {
                    code: "odd".to_owned(),
                    message: "something else".to_owned(),
                }));
            }
            Mode::HugeReply => return Ok(Some("x".repeat(config.n as usize))),
            Mode::Spin => spin(),
            Mode::Memory => memory(config.n),
            Mode::Trap => trap(),
            Mode::Panic => panic!("lost my way"),
        }
        Ok(Some("message-1".to_owned()))
    }
}

windlass_sdk::notifier!(Sender);

/// Sends, and tells what came back.
fn answer(config: &Config) -> Value {
    let mut body = config.body.clone().into_bytes();
    body.resize(body.len() + config.fill, b'x');
    let substitution = |(placeholder, secret, encoding): (String, String, String)| http::Substitution {
        placeholder,
        secret,
        encoding: match encoding.as_str() {
            "json-string" => http::Encoding::JsonString,
            "url-component" => http::Encoding::UrlComponent,
            _ => http::Encoding::Raw,
        },
    };
    let sign = match config.sign.as_slice() {
        [secret, algorithm, header, prefix] => Some(http::Hmac {
            secret: secret.clone(),
            algorithm: algorithm.clone(),
            header: header.clone(),
            prefix: prefix.clone(),
        }),
        _ => None,
    };
    let request = http::Request {
        method: config.method.clone(),
        url: config.url.clone(),
        headers: config.headers.clone(),
        body,
        substitute: config.substitute.iter().cloned().map(substitution).collect(),
        sign,
        max_response: config.max_response,
        timeout_ms: config.timeout_ms,
    };
    match http::send(&request) {
        Ok(answer) => json!({
            "status": answer.status,
            "headers": answer.headers,
            "body": String::from_utf8_lossy(&answer.body),
            "truncated": answer.truncated,
        }),
        Err(error) => json!({"error": format!("{error:?}")}),
    }
}

fn seen(event: &Event) -> Value {
    let at = event.at();
    json!({
        "key": event.key(),
        "kind": event.kind(),
        "at": [at.seconds, i64::from(at.nanoseconds)],
        "attempt": event.attempt(),
        "payload": serde_json::from_str::<Value>(&event.payload()).unwrap_or_default(),
    })
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Allocates `mib` MiB and touches every page.
fn memory(mib: u32) {
    let blocks: Vec<Vec<u8>> = (0..mib).map(|_| vec![1; 1 << 20]).collect();
    black_box(&blocks);
}

/// A trap without a word: what a fatal error of a run time ends in.
fn trap() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}
