//! A repository under attack: one app an attack, and a good one.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::history::{self, Content};
use crate::sandbox::{Sandbox, config_map};

/// An app whose files do harm.
pub(super) struct Attack {
    name: &'static str,
    files: Vec<(Vec<u8>, Content)>,
    told: Option<Told>,
}

/// What must be said of it.
struct Told {
    code: &'static str,
    words: &'static [&'static str],
    file: Option<&'static str>,
}

impl Attack {
    /// Of one file, by its path below the app's folder.
    pub(super) fn new(name: &'static str, path: &str, content: impl Into<Content>) -> Self {
        Self {
            name,
            files: Vec::new(),
            told: None,
        }
        .and(path, content)
    }

    /// With one more file.
    pub(super) fn and(mut self, path: impl AsRef<[u8]>, content: impl Into<Content>) -> Self {
        self.files.push((path.as_ref().to_vec(), content.into()));
        self
    }

    /// A finding of that code must hold all words, and point at the file (from the app's folder) when it is given.
    /// What is not told anything of must do no harm.
    pub(super) fn told_as(
        mut self,
        code: &'static str,
        words: &'static [&'static str],
        file: impl Into<Option<&'static str>>,
    ) -> Self {
        let file = file.into();
        self.told = Some(Told { code, words, file });
        self
    }
}

/// A line of `sync -o json`, and when it came.
struct Line {
    report: Value,
    after: Duration,
}

/// Time for the good app beside one attack that takes its thirty seconds: a cold start of the program, its worker and the plugin
/// on a machine with ten times its load.
const PACE: Duration = Duration::from_secs(15);

/// Runs all three acts: before, under attack, and mended. Gives what was said under attack.
pub(super) fn withstand(attacks: &[Attack]) -> String {
    withstand_with(attacks, "")
}

/// The same with further documents in the configuration.
pub(super) fn withstand_with(attacks: &[Attack], documents: &str) -> String {
    let sandbox = Sandbox::new();
    configure(&sandbox, attacks, documents);
    history::commit(&sandbox.repo(), peaceful(attacks, "1"));
    let before = sync(&sandbox);
    assert!(
        before.lines.values().all(|line| line.report["health"] == "healthy"),
        "{before:?}"
    );
    let files = sandbox.files();

    history::commit(&sandbox.repo(), hostile(attacks));
    let under = sync(&sandbox);
    assert_eq!(under.lines.len(), attacks.len() + 1, "an app is missing: {under:?}");
    assert_served(&under.lines["good"], &sandbox);
    for attack in attacks {
        assert_met(attack, &under.lines[attack.name].report);
        assert_untouched(attack, &files, &sandbox.files());
    }

    history::commit(&sandbox.repo(), peaceful(attacks, "3"));
    let mended = sync(&sandbox);
    for (app, line) in &mended.lines {
        assert_eq!(line.report["health"], "healthy", "{app}: {}", line.report);
        assert_eq!(line.report["changes"]["configured"], 1, "{app}: {}", line.report);
    }
    under.said
}

fn configure(sandbox: &Sandbox, attacks: &[Attack], documents: &str) {
    let specs: Vec<(&str, String)> = attacks
        .iter()
        .map(|attack| (attack.name, format!("  path: {}\n", attack.name)))
        .chain([("good", "  path: good\n".to_owned())])
        .collect();
    let apps: Vec<(&str, &str)> = specs.iter().map(|(name, spec)| (*name, spec.as_str())).collect();
    let path = sandbox.config(&apps);
    let text = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(path, text + documents).expect("a file");
}

fn peaceful<'a>(attacks: &'a [Attack], value: &'a str) -> impl Iterator<Item = (Vec<u8>, Content)> + 'a {
    let names = attacks.iter().map(|attack| attack.name).chain(["good"]);
    names.map(move |name| {
        (
            format!("{name}/first.yaml").into_bytes(),
            config_map("first", value).into(),
        )
    })
}

fn hostile(attacks: &[Attack]) -> impl Iterator<Item = (Vec<u8>, Content)> {
    let below = |attack: &Attack, path: &[u8]| [attack.name.as_bytes(), b"/", path].concat();
    attacks
        .iter()
        .flat_map(move |attack| {
            attack
                .files
                .iter()
                .map(move |(path, content)| (below(attack, path), content.clone()))
        })
        .chain([(b"good/first.yaml".to_vec(), config_map("first", "2").into())])
}

fn assert_served(good: &Line, sandbox: &Sandbox) {
    assert_eq!(good.report["health"], "healthy", "{}", good.report);
    assert!(sandbox.files()["good/_cluster/ConfigMap-first.yaml"].contains("value: \"2\""));
    assert!(good.after < PACE, "the good app waited {:?}", good.after);
}

fn assert_met(attack: &Attack, report: &Value) {
    let name = attack.name;
    let Some(told) = &attack.told else {
        assert_eq!(report["health"], "healthy", "{name}: {report}");
        return;
    };
    assert_eq!(report["health"], "failed", "{name}: {report}");
    let findings = report["diagnostics"].as_array().expect("findings");
    assert!(findings.len() <= 100, "{name}: {} findings", findings.len());
    let fits = |finding: &&Value| {
        let message = finding["message"].as_str().unwrap_or_default();
        finding["code"] == told.code && told.words.iter().all(|word| message.contains(word))
    };
    let found = findings.iter().find(fits);
    let found = found.unwrap_or_else(|| panic!("{name}: no {} with {:?}: {}", told.code, told.words, cut(report)));
    if let Some(file) = told.file {
        let expected = if file.is_empty() {
            name.to_owned()
        } else {
            format!("{name}/{file}")
        };
        assert_eq!(found["at"]["file"]["path"], expected.as_str(), "{name}: {}", cut(found));
    }
    let message = found["message"].as_str().unwrap_or_default();
    assert!(message.len() < 20_000, "{name}: a message of {} bytes", message.len());
}

/// Nothing of an app that failed is changed; one that did no harm is not looked at.
fn assert_untouched(attack: &Attack, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) {
    let of = |files: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let own = files
            .iter()
            .filter(|(path, _)| path.starts_with(&format!("{}/", attack.name)));
        own.map(|(path, text)| (path.clone(), text.clone())).collect()
    };
    if attack.told.is_some() {
        assert_eq!(of(before), of(after), "{}", attack.name);
    }
}

/// What a sync said.
struct Said {
    lines: BTreeMap<String, Line>,
    /// Both streams.
    said: String,
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said.chars().take(20_000).collect::<String>())
    }
}

/// Time after which a sync counts as hanging.
const PATIENCE: Duration = Duration::from_secs(180);

fn sync(sandbox: &Sandbox) -> Said {
    let mut command = sandbox.sync_command(&["-vv"]);
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass runs");
    let errors = child.stderr.take().expect("a pipe");
    let errors = std::thread::spawn(move || std::io::read_to_string(errors).expect("text"));
    let mut said = Said {
        lines: BTreeMap::new(),
        said: String::new(),
    };
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        let report: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let app = report["app"].as_str().expect("an app").to_owned();
        let after = started.elapsed();
        said.said.push_str(&line);
        said.said.push('\n');
        said.lines.insert(app, Line { report, after });
    }
    let status = child.wait().expect("windlass ends");
    said.said.push_str(&errors.join().expect("a reader"));
    assert!(matches!(status.code(), Some(0 | 1)), "{status}: {said:?}");
    assert!(started.elapsed() < PATIENCE, "it took {:?}", started.elapsed());
    assert_harmless(&said.said);
    said
}

/// Nothing in it acts on a terminal.
pub(super) fn assert_harmless(text: &str) {
    let acts = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some((at, c)) = text.char_indices().find(|(_, c)| acts(*c)) {
        let around: String = text[text.floor_char_boundary(at.saturating_sub(60))..]
            .chars()
            .take(120)
            .collect();
        panic!("{c:?} reached the outside: {around:?}");
    }
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(4_000).collect()
}
