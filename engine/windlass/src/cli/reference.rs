//! What `--help` and the README say, made from the same definitions.

use std::sync::LazyLock;

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use windlass_core::plugin::CONTRACT;

use super::{Cli, failure::Outcome, site};

/// Verbs in the order a newcomer needs them.
const GROUPS: [(&str, &[&str]); 8] = [
    ("See what would be", &["render", "validate", "diff"]),
    ("Make it so", &["sync", "run", "controller"]),
    ("See what is", &["get", "tree", "events", "health", "history", "why"]),
    ("Decide", &["reconcile", "rollback", "suspend", "resume", "approve"]),
    ("Keep it so", &["lock"]),
    ("In a cluster", &["install", "uninstall"]),
    ("Plugins", &["plugin"]),
    ("Help", &["completions", "help"]),
];

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (plugin contract {CONTRACT})", env!("CARGO_PKG_VERSION")));

/// The whole command line, with usage lines that name every option.
pub(crate) fn command() -> Command {
    let called = called();
    let mut command = Cli::command().version(VERSION.as_str()).max_term_width(120);
    for verb in verbs(&command) {
        command = command.mut_subcommand(&verb, |verb| spelled(verb, called));
    }
    let groups = groups(&command);
    command.override_usage(format!("{called} COMMAND [OPTIONS]")).help_template(format!(
        "{called} {{version}}\n{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}Options of every command:\n{{options}}\n\nExit codes:\n{}",
        exit_codes("  ")
    ))
}

/// As the user types it.
fn called() -> &'static str {
    if site::is_kubectl() {
        "kubectl windlass"
    } else {
        "windlass"
    }
}

fn verbs(command: &Command) -> Vec<String> {
    command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect()
}

fn spelled(command: Command, parent: &str) -> Command {
    let name = format!("{parent} {}", command.get_name());
    let mut command = command;
    for verb in verbs(&command) {
        command = command.mut_subcommand(&verb, |verb| spelled(verb, &name));
    }
    let usage = usage(&command, &name);
    if let Some(examples) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(examples.replace("  windlass ", &format!("  {} ", called())));
    }
    command.override_usage(usage)
}

/// `windlass diff CONFIG|PATH [--target TARGET] [-o text|json]`.
fn usage(command: &Command, name: &str) -> String {
    if command.has_subcommands() {
        return format!("{name} COMMAND");
    }
    let shown = |arg: &&Arg| {
        !arg.is_global_set()
            && !matches!(
                arg.get_action(),
                ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort | ArgAction::Version
            )
    };
    let (positionals, options): (Vec<_>, Vec<_>) = command
        .get_arguments()
        .filter(shown)
        .partition(|arg| arg.is_positional());
    std::iter::once(name.to_owned())
        .chain(positionals.into_iter().chain(options).map(spell))
        .collect::<Vec<_>>()
        .join(" ")
}

fn spell(arg: &Arg) -> String {
    let mut text = match (arg.get_long(), arg.get_short()) {
        _ if arg.is_positional() => String::new(),
        (_, Some(short)) => format!("-{short}"),
        (Some(long), None) => format!("--{long}"),
        (None, None) => String::new(),
    };
    if arg.get_action().takes_values() {
        let separator = if text.is_empty() { "" } else { " " };
        text = format!("{text}{separator}{}", value(arg));
    }
    if !arg.is_required_set() {
        text = format!("[{text}]");
    }
    if matches!(arg.get_action(), ArgAction::Append) {
        text.push_str("...");
    }
    text
}

fn value(arg: &Arg) -> String {
    let possible: Vec<String> = arg
        .get_possible_values()
        .iter()
        .map(|v| v.get_name().to_owned())
        .collect();
    let named = arg
        .get_value_names()
        .and_then(|names| names.first())
        .map(ToString::to_string);
    match named {
        Some(name) if possible.is_empty() || arg.is_positional() => name,
        _ => possible.join("|"),
    }
}

/// The verbs below their headings, each with its one sentence.
fn groups(command: &Command) -> String {
    let mut text = String::new();
    for (heading, verbs) in GROUPS {
        text.push_str(&format!("{heading}:\n"));
        for verb in verbs {
            let about = command
                .find_subcommand(verb)
                .and_then(Command::get_about)
                .map(ToString::to_string);
            let about = about.unwrap_or_else(|| "Show this, or the help of a command".to_owned());
            text.push_str(&format!("  {verb:<12} {about}\n"));
        }
        text.push('\n');
    }
    text
}

fn exit_codes(indent: &str) -> String {
    Outcome::ALL
        .iter()
        .map(|(outcome, meaning)| format!("{indent}{} {meaning}", outcome.code()))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests;
