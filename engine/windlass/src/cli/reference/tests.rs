use std::{fs, path::Path};

use super::*;
use crate::cli::golden;

/// Every verb with a page of its own, subcommands included, by its words.
fn leaves(command: &Command, name: &str) -> Vec<(String, Command)> {
    command
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
        .flat_map(|verb| {
            let name = format!("{name} {}", verb.get_name());
            if verb.has_subcommands() {
                leaves(verb, &name)
            } else {
                vec![(name, verb.clone())]
            }
        })
        .collect()
}

/// What the README holds between its marks.
fn reference() -> String {
    let command = command();
    let mut text = String::from("```\n");
    for (_, verb) in leaves(&command, "windlass") {
        let usage = verb.clone().render_usage().to_string();
        text.push_str(usage.trim_start_matches("Usage: ").trim_end());
        text.push('\n');
    }
    text.push_str("```\n\n| command | what it does |\n|---|---|\n");
    for (name, verb) in leaves(&command, "windlass") {
        let about = verb.get_about().unwrap().to_string();
        text.push_str(&format!("| `{}` | {about} |\n", name.trim_start_matches("windlass ")));
    }
    text.push_str("\n| option of every command | what it says |\n|---|---|\n");
    for arg in command.get_arguments().filter(|arg| arg.is_global_set()) {
        let help = arg.get_help().unwrap().to_string();
        let spelled = spell(arg);
        text.push_str(&format!(
            "| `{}` | {help} |\n",
            spelled.trim_matches(['[', ']', '.']).replace('|', "\\|")
        ));
    }
    text.push_str("\n| exit code | meaning |\n|---|---|\n");
    for (outcome, meaning) in Outcome::ALL {
        text.push_str(&format!("| {} | {meaning} |\n", outcome.code()));
    }
    text
}

#[test]
fn the_readme_says_what_help_says() {
    const BEGIN: &str =
        "<!-- commands: made by the test `the_readme_says_what_help_says`, UPDATE_GOLDEN=1 rewrites it -->\n";
    const END: &str = "<!-- end of commands -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    golden::check_file(&path, &format!("{before}{BEGIN}{}{END}{after}", reference()));
}

#[test]
fn the_definitions_hold_together() {
    command().debug_assert();
}

#[test]
fn every_verb_stands_in_one_group() {
    let mut command = command();
    command.build();
    let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
    let mut there: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    grouped.sort_unstable();
    there.sort_unstable();
    assert_eq!(grouped, there);
}

#[test]
fn every_verb_has_examples() {
    for (name, verb) in leaves(&command(), "windlass") {
        let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.starts_with("Examples:\n  "), "{name}: {help}");
        assert!(
            help.lines().skip(1).any(|line| line.trim_start().starts_with(&name)),
            "{name}: {help}"
        );
    }
}

#[test]
fn help_is_kept() {
    let mut text = command().term_width(120).render_help().to_string();
    for (name, verb) in leaves(&command(), "windlass") {
        let verb = verb.term_width(120).render_help();
        text.push_str(&format!("\n\n==== {name}\n{verb}"));
    }
    golden::check("help.txt", &text);
}

#[test]
fn the_version_names_the_contract() {
    let version = command().render_version();
    assert!(
        version.contains(env!("CARGO_PKG_VERSION")) && version.contains(&format!("contract {CONTRACT}")),
        "{version}"
    );
}

#[test]
fn the_configuration_in_the_readme_is_one() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let config = windlass_core::config::load(example).unwrap();
    assert_eq!(
        (config.repositories.len(), config.apps.len(), config.plugins.len()),
        (1, 1, 1)
    );
}
