//! What verbs share that ask whoever holds the state.

use std::{env, fs};

use serde::Serialize;
use windlass_core::history::Verb;

use super::{
    failure::{Failure, Outcome},
    global::Global,
    output::{Format, Output},
    paint::Tone,
    remote,
    site::Remote,
};
use crate::{
    control::{self, AskError, Request, Response},
    state::StateError,
    stop::chain,
};

/// In whose name something is decided.
#[derive(Debug, clap::Args)]
pub(super) struct Actor {
    /// In whose name: it is shown wherever the App is [default: USER@HOST]
    #[arg(long, value_name = "NAME")]
    as_actor: Option<String>,
}

impl Actor {
    /// As they say.
    pub(super) fn named(&self) -> Option<&str> {
        self.as_actor.as_deref()
    }

    /// As they are called.
    pub(super) fn name(&self) -> String {
        self.as_actor.clone().unwrap_or_else(|| {
            let user = ["USER", "LOGNAME"].iter().find_map(|name| env::var(name).ok());
            let user = user.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
            let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            format!("{user}@{}", host.trim())
        })
    }
}

/// Asks.
///
/// # Errors
/// When nobody answers, or what is asked can't be done.
pub(super) fn ask(
    global: &Global,
    remote: Option<Remote<'_>>,
    request: &Request,
    output: &Output,
) -> Result<Response, Failure> {
    ask_as(global, remote, request, None, output)
}

fn ask_as(
    global: &Global,
    remote: Option<Remote<'_>>,
    request: &Request,
    actor: Option<&str>,
    output: &Output,
) -> Result<Response, Failure> {
    let busy = output.busy("asking", 1);
    let answer = match remote {
        Some(remote) => Ok(super::block_on(remote::ask(remote, request, actor))?),
        None => control::ask(&global.state()?, request),
    };
    drop(busy);
    match answer {
        Ok(Response::Refused { message, help }) => {
            let failure = Failure::failed(message);
            Err(match help {
                Some(help) => failure.hint(help),
                None => failure,
            })
        }
        Ok(response) => Ok(response),
        Err(error) => {
            let failure = Failure::failed(chain(&error));
            Err(match error {
                AskError::NoState(_) => failure.hint(
                    "give the `--state` of `windlass run` or `sync`; to ask a cluster, give `--context` or `-n`, or call it `kubectl windlass`",
                ),
                AskError::State(StateError::InUse { .. }) => {
                    failure.hint("that process takes no questions: `windlass run` and `sync` of this version do")
                }
                _ => failure,
            })
        }
    }
}

/// What a verb that decides prints as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decided<'a> {
    app: &'a str,
    messages: &'a [String],
    at_once: bool,
}

/// Asks for a decision, and tells what was decided.
///
/// # Errors
/// As [`ask`].
pub(super) fn decide(
    global: &Global,
    remote: Option<Remote<'_>>,
    (request, actor): (&Request, Option<&Actor>),
    format: Format,
    output: &Output,
) -> Result<Outcome, Failure> {
    let actor = actor.and_then(Actor::named);
    let response = ask_as(global, remote, request, actor, output)?;
    let Response::Decided { app, messages, at_once } = &response else {
        return Err(strange());
    };
    let (app, at_once) = (app.as_str(), *at_once);
    match format {
        Format::Json => output.print_json(&Decided { app, messages, at_once })?,
        Format::Table => {
            let name = output.paint.tone(Tone::Strong, super::clean::line(app));
            let mut text: String = messages
                .iter()
                .map(|message| format!("{name} {}\n", super::clean::line(message)))
                .collect();
            if !at_once {
                text.push_str("nobody runs now: the next `windlass run` or `sync` heeds it\n");
            }
            output.print(&text)?;
        }
    }
    Ok(Outcome::Done)
}

/// An answer to another question.
pub(super) fn strange() -> Failure {
    Failure::failed("the process that holds the state answers another question")
}

/// What is done to an object, as in tables.
pub(super) const fn verb(verb: Verb) -> (&'static str, Tone) {
    match verb {
        Verb::Create => ("create", Tone::Good),
        Verb::Configure => ("configure", Tone::Warn),
        Verb::Delete => ("delete", Tone::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_who_says_so_or_the_user() {
        let named = Actor {
            as_actor: Some("ada".into()),
        };
        assert_eq!(named.name(), "ada");
        assert!(Actor { as_actor: None }.name().contains('@'));
    }
}
