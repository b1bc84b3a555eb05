//! `windlass health FILE|-`: where living objects stand, by what is written in them. Asks no cluster.

use std::{io::Read as _, path::Path};

use serde::Serialize;
use serde_json::Value;
use windlass_core::{
    health::{self, State, Verdict},
    model::ObjectId,
    yaml,
};

use super::{
    failure::{Failure, Outcome},
    output::Output,
    paint::Tone,
    table::{self, Cell},
};

const EXAMPLES: &str = "Examples:
  kubectl get all -n shop -o yaml | windlass health -
  windlass health live.yaml
  kubectl get deploy api -o json | windlass health - -o json | jq -r .reason

States: Healthy, Unknown (its kind says nothing of itself), Suspended (it is told to rest), Progressing, Terminating, Degraded (waiting
alone won't help). Exit code 0 when nothing is to be waited for, 1 when something is degraded, 3 when something is on its way.
JSON is a line an object: {\"object\": {group, kind, namespace, name}, \"state\", \"reason\", \"message\"}.";

/// Most bytes that are read: a namespace's objects fit many times over, and what is piped in by mistake ends.
const MOST: u64 = 256 << 20;

/// Show where living objects stand and why, from a file or standard input
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Objects as a cluster shows them: YAML documents, JSON or a List; `-` = standard input
    #[arg(value_name = "FILE|-")]
    file: std::path::PathBuf,

    /// `table`, or `json`: a line an object
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        default_value = "table",
        hide_default_value = true
    )]
    output: Format,
}

/// How verdicts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A line of JSON.
#[derive(Debug, Serialize)]
struct Told<'a> {
    object: &'a ObjectId,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let objects = objects(&args.file)?;
    let verdicts: Vec<(ObjectId, Verdict)> = objects
        .iter()
        .map(|object| (identity(object), health::assess(object)))
        .collect();
    match args.output {
        Format::Table => {
            let rows: Vec<_> = verdicts.iter().map(|(id, verdict)| row(id, verdict)).collect();
            output.print(&table::table(
                &["OBJECT", "STATE", "REASON", "MESSAGE"],
                &rows,
                output.paint,
            ))?;
        }
        Format::Json => {
            for (object, verdict) in &verdicts {
                output.print_json(&Told { object, verdict })?;
            }
        }
    }
    Ok(outcome(verdicts.iter().map(|(_, verdict)| verdict.state)))
}

fn outcome(states: impl IntoIterator<Item = State>) -> Outcome {
    match states.into_iter().max() {
        Some(State::Degraded) => Outcome::Failed,
        Some(State::Progressing | State::Terminating) => Outcome::Pending,
        _ => Outcome::Done,
    }
}

/// Every object of the input; lists are taken apart.
fn objects(file: &Path) -> Result<Vec<Value>, Failure> {
    let text = read(file)?;
    let wrong = |line: u32, message: &str| Failure::usage(format!("`{}`, line {line}: {message}", file.display()));
    let documents = yaml::parse(&text).map_err(|error| wrong(error.line, &error.message))?;
    let mut objects = Vec::new();
    for document in documents {
        let line = document.line;
        let found = match document.value {
            Value::Object(mut map) if is_list(&map) => match map.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            },
            other => vec![other],
        };
        if let Some(odd) = found.iter().find(|object| !is_object(object)) {
            let what = if odd.is_object() {
                "an object needs `apiVersion`, `kind` and `metadata.name`"
            } else {
                "this is no object"
            };
            return Err(wrong(line, what).hint("give what `kubectl get … -o yaml` prints"));
        }
        objects.extend(found);
    }
    if objects.is_empty() {
        return Err(Failure::usage(format!("`{}` holds no object", file.display())));
    }
    Ok(objects)
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let taken = if file == Path::new("-") {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
    };
    taken.map_err(|error| Failure::unreadable(file, &error))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::usage(format!(
            "`{}` is larger than {} MiB",
            file.display(),
            MOST >> 20
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("`{}` is no text in UTF-8", file.display())))
}

/// As `kubectl get` prints several: `List`, or `PodList` and the like.
fn is_list(map: &serde_json::Map<String, Value>) -> bool {
    let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default();
    kind.ends_with("List") && map.contains_key("items")
}

fn is_object(value: &Value) -> bool {
    ["/apiVersion", "/kind", "/metadata/name"]
        .iter()
        .all(|pointer| value.pointer(pointer).is_some_and(Value::is_string))
}

fn identity(object: &Value) -> ObjectId {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    ObjectId {
        group: text("/apiVersion")
            .split_once('/')
            .map_or("", |(group, _)| group)
            .to_owned(),
        kind: text("/kind").to_owned(),
        namespace: text("/metadata/namespace").to_owned(),
        name: text("/metadata/name").to_owned(),
    }
}

fn row(id: &ObjectId, verdict: &Verdict) -> Vec<Cell> {
    let (word, tone) = match verdict.state {
        State::Healthy => ("Healthy", Tone::Good),
        State::Unknown => ("Unknown", Tone::Faint),
        State::Suspended => ("Suspended", Tone::Faint),
        State::Progressing => ("Progressing", Tone::Warn),
        State::Terminating => ("Terminating", Tone::Warn),
        State::Degraded => ("Degraded", Tone::Bad),
    };
    vec![
        Cell::text(&id.to_string()),
        Cell::text(word).tone(tone),
        Cell::text(if verdict.reason.is_empty() {
            "-"
        } else {
            &verdict.reason
        }),
        Cell::text(&verdict.message),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides() {
        assert_eq!(outcome([]), Outcome::Done);
        assert_eq!(
            outcome([State::Healthy, State::Unknown, State::Suspended]),
            Outcome::Done
        );
        assert_eq!(outcome([State::Progressing, State::Healthy]), Outcome::Pending);
        assert_eq!(outcome([State::Terminating]), Outcome::Pending);
        assert_eq!(outcome([State::Degraded, State::Terminating]), Outcome::Failed);
    }
}
