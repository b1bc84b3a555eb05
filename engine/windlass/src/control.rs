//! Questions and decisions of people, answered by whoever holds the state: the process that runs, over its socket, or the verb
//! itself when nobody does. One implementation behind both ways.
//!
//! ```text
//! windlass suspend ─▶ STATE/control.sock ─▶ run, sync ─┐
//!                └─ nobody listens ─▶ opens the state ─┴─▶ perform
//! ```

mod apps;
mod client;
mod sent;
mod server;
mod why;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windlass_core::{
    history::{self, Entry},
    holds::{Approval, Suspension, Waiting},
    ledger::Ledger,
    moment,
    render::Instant,
    rollout,
};

use crate::{clock, desk::Desk, holds::hold_at, state::StateError, stop::chain};

pub(crate) use apps::Apps;
pub(crate) use client::{AskError, ask};
pub(crate) use sent::{ANNOTATION, Asked, Sent};
pub(crate) use server::serve;
pub use why::Whence;

/// What is asked. `app`: a name, or `namespace/name`. `actor`: who asks, as they call themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "ask")]
pub enum Request {
    /// What was applied of an App.
    History {
        /// Which.
        app: String,
    },
    /// Apply an entry of its history again, and hold it there.
    Rollback {
        /// Which.
        app: String,
        /// A number or the beginning of a commit; `None`: the newest that is something else and didn't fail.
        to: Option<String>,
        /// Who.
        actor: String,
    },
    /// Have it rest.
    Suspend {
        /// Which.
        app: String,
        /// Why.
        reason: String,
        /// Who.
        actor: String,
        /// When it ends by itself.
        #[serde(default, with = "moment::optional")]
        until: Option<Instant>,
    },
    /// Go on with what git says.
    Resume {
        /// Which.
        app: String,
    },
    /// Let a plan that waits be applied; `None`: show it.
    Approve {
        /// Which.
        app: String,
        /// The plan, by the beginning of its digest.
        plan: Option<String>,
        /// Who.
        actor: String,
    },
    /// Versions of plugins that wait for approval.
    Plugins,
    /// Let one of them serve.
    ApprovePlugin {
        /// Which, as `name@version`.
        plugin: String,
        /// Who.
        actor: String,
    },
    /// Where an object comes from.
    Why {
        /// Its kind, whatever the case, in the singular or plural; with `.group` where several have it.
        kind: String,
        /// Its name.
        name: String,
        /// Its namespace; `None`: any.
        namespace: Option<String>,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "answer")]
pub enum Response {
    /// The newest first.
    History {
        /// `namespace/name`.
        app: String,
        /// What its objects are in.
        target: String,
        /// What was applied.
        entries: Vec<Entry>,
    },
    /// It is written down.
    Decided {
        /// `namespace/name`; of a plugin, `name@version`.
        app: String,
        /// What, sentences.
        messages: Vec<String>,
        /// Somebody looks at the App now; else the next `run` or `sync` does.
        at_once: bool,
    },
    /// A plan that waits, or none.
    Plan {
        /// `namespace/name`.
        app: String,
        /// Which.
        plan: Option<Box<Waiting>>,
    },
    /// Versions of plugins that wait, by `name@version`.
    Plugins {
        /// What they wait for.
        waiting: BTreeMap<String, rollout::Waiting>,
    },
    /// Where objects come from.
    Why {
        /// Each that fits the question.
        objects: Vec<Whence>,
    },
    /// It can't be done.
    Refused {
        /// A sentence.
        message: String,
        /// What to do.
        help: Option<String>,
    },
}

/// Why something can't be done.
#[derive(Debug)]
struct Refusal {
    message: String,
    help: Option<String>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        Self::new(chain(&error))
    }
}

/// Where an object of a cluster comes from, by what is kept there.
pub(crate) fn why_in(ledgers: &[Ledger], asked: [&str; 2], namespace: Option<&str>) -> Response {
    let objects = why::look_in(ledgers, asked, namespace);
    objects.map_or_else(
        |Refusal { message, help }| Response::Refused { message, help },
        |objects| Response::Why { objects },
    )
}

/// Answers. Blocks for the disk. `apps`: those of the configuration, where there is one.
pub(crate) fn perform(desk: &Desk, apps: &Apps, request: &Request) -> Response {
    answer(desk, apps, request).unwrap_or_else(|Refusal { message, help }| Response::Refused { message, help })
}

fn answer(desk: &Desk, apps: &Apps, request: &Request) -> Result<Response, Refusal> {
    match request {
        Request::History { app } => {
            let found = apps.find(desk, app)?;
            let entries = match &found.key {
                Some(key) => desk.inventories().history(key)?,
                None => Vec::new(),
            };
            Ok(Response::History {
                target: found.target().to_owned(),
                app: found.app,
                entries,
            })
        }
        Request::Rollback { app, to, actor } => rollback(desk, apps, app, to.as_deref(), actor),
        Request::Suspend {
            app,
            reason,
            actor,
            until,
        } => suspend(desk, apps, app, [reason, actor], *until),
        Request::Resume { app } => resume(desk, apps, app),
        Request::Approve { app, plan, actor } => approve(desk, apps, app, plan.as_deref(), actor),
        Request::Plugins => Ok(Response::Plugins {
            waiting: desk.rollouts().waiting(),
        }),
        Request::ApprovePlugin { plugin, actor } => approve_plugin(desk, plugin, actor),
        Request::Why { kind, name, namespace } => {
            let objects = why::look(desk, kind, name, namespace.as_deref())?;
            Ok(Response::Why { objects })
        }
    }
}

fn approve_plugin(desk: &Desk, plugin: &str, actor: &str) -> Result<Response, Refusal> {
    let mut waiting = desk.rollouts().waiting();
    let Some(waits) = waiting.remove(plugin) else {
        let names: Vec<String> = waiting.keys().map(|name| format!("`{name}`")).collect();
        let help = match names.as_slice() {
            [] => "no version of a plugin waits".to_owned(),
            names => format!("what waits is {}", names.join(", ")),
        };
        return Err(Refusal::new(format!("`{plugin}` is no version of a plugin that waits")).help(help));
    };
    let approval = rollout::Approval {
        format: rollout::FORMAT,
        digest: waits.digest,
        actor: actor.to_owned(),
        at: clock::now(),
    };
    desk.rollouts().approve(plugin, Some(approval))?;
    let message = format!("may serve, as long as it is {}", waits.digest);
    Ok(Response::Decided {
        app: plugin.to_owned(),
        messages: vec![message],
        at_once: desk.is_attended(),
    })
}

fn rollback(desk: &Desk, apps: &Apps, app: &str, to: Option<&str>, actor: &str) -> Result<Response, Refusal> {
    let found = apps.find(desk, app)?;
    let nothing = || Refusal::new(format!("App `{}` has no history: nothing was applied yet", found.app));
    let key = found.key.as_ref().ok_or_else(nothing)?;
    let entries = desk.inventories().history(key)?;
    let short = &found.id;
    let entry = history::find(&entries, to).map_err(|error| {
        Refusal::new(format!("App `{}`: {error}", found.app)).help(format!("see `windlass history {short}`"))
    })?;
    if !desk.has_documents(entry) {
        let message = format!(
            "the documents of entry {} of App `{}` are lost",
            entry.number, found.app
        );
        return Err(Refusal::new(message).help("go back to another one, or revert the commit"));
    }
    let hold = hold_at(entry, Some(actor));
    desk.decide(key, |decisions| {
        decisions.hold = Some(hold);
        decisions.forget_plan();
    })?;
    let commit = entry.origin.revision.as_deref().unwrap_or("-");
    let commit: String = commit.chars().take(8).collect();
    let message = format!(
        "holds at entry {} (commit {commit}): its documents are applied as they were; `windlass resume {short}` goes on with what git says",
        entry.number
    );
    Ok(found.decided(desk, vec![message]))
}

fn suspend(
    desk: &Desk,
    apps: &Apps,
    app: &str,
    [reason, actor]: [&String; 2],
    until: Option<Instant>,
) -> Result<Response, Refusal> {
    let found = apps.find(desk, app)?;
    let now = clock::now();
    if reason.trim().is_empty() {
        return Err(Refusal::new(
            "a suspension needs a reason: who finds the App suspended wants to know why",
        ));
    }
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(Refusal::new(format!("{} is over already", moment::text(until))));
    }
    let suspension = Suspension {
        reason: reason.clone(),
        actor: Some(actor.clone()),
        since: Some(now),
        until,
    };
    desk.suspend(&found.app, Some(suspension))?;
    let message = match until {
        Some(until) => format!(
            "suspended until {}: nothing is applied or deleted, drift is told",
            moment::text(until)
        ),
        None => format!(
            "suspended: nothing is applied or deleted, drift is told, until `windlass resume {}`",
            found.id
        ),
    };
    Ok(found.decided(desk, vec![message]))
}

fn resume(desk: &Desk, apps: &Apps, app: &str) -> Result<Response, Refusal> {
    let found = apps.find(desk, app)?;
    let mut messages = Vec::new();
    if let Some(suspension) = desk.suspension(&found.app) {
        desk.suspend(&found.app, None)?;
        messages.push(format!("no longer suspended ({})", suspension.reason));
    }
    if let Some(key) = &found.key {
        let before = desk.decisions(key);
        if desk.decide(key, windlass_core::holds::Decisions::resume)? {
            match &before.hold {
                Some(hold) => messages.push(format!(
                    "no longer held at entry {}: what git says counts again",
                    hold.entry
                )),
                None => messages.push("what failed before may be applied again".to_owned()),
            }
        }
    }
    if messages.is_empty() {
        messages.push("was neither suspended nor held".to_owned());
    }
    if apps.rests_by_spec(&found.app) {
        messages.push("its own `spec.suspend` still has it rest: take it out of the configuration".to_owned());
    }
    Ok(found.decided(desk, messages))
}

/// Digits of a plan's digest that name it: a person copies them from a table.
const LEAST_DIGITS: usize = 8;

fn approve(desk: &Desk, apps: &Apps, app: &str, plan: Option<&str>, actor: &str) -> Result<Response, Refusal> {
    let found = apps.find(desk, app)?;
    let waiting = found.key.as_ref().and_then(|key| desk.decisions(key).waiting);
    let (Some(key), Some(plan)) = (&found.key, plan) else {
        return Ok(Response::Plan {
            app: found.app,
            plan: waiting.map(Box::new),
        });
    };
    let digits = plan.strip_prefix("sha256:").unwrap_or(plan).to_ascii_lowercase();
    let Some(waiting) = waiting else {
        return Err(Refusal::new(format!("no plan of App `{}` waits", found.app)));
    };
    if digits.len() < LEAST_DIGITS || !waiting.plan.hex().starts_with(&digits) {
        let message = format!(
            "no plan `{plan}` of App `{}` waits: it is `{}` by now",
            found.app,
            waiting.plan.short()
        );
        return Err(Refusal::new(message).help(format!("look at it with `windlass approve {}`", found.id)));
    }
    let approval = Approval {
        plan: waiting.plan,
        actor: actor.to_owned(),
        at: clock::now(),
    };
    desk.decide(key, |decisions| decisions.approval = Some(approval))?;
    desk.set_waits(key, None);
    let message = format!(
        "plan {} is approved; should it be another when it comes to be applied, it waits again",
        waiting.plan.short()
    );
    Ok(found.decided(desk, vec![message]))
}
