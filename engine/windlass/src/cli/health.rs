//! `windlass health FILE|-`: where living objects stand, by what is written in them, as the health checkers that are installed
//! read it. Asks no cluster.

use std::{io::Read as _, path::Path};

use windlass_core::{
    health::{self, Assessed, State},
    manifest,
    model::{Object, is_built_in},
    yaml,
};
use windlass_host::Tenant;

use super::{
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    render, reports,
    table::{self, Cell},
};
use crate::assess::assess;

const EXAMPLES: &str = "Examples:
  kubectl get all -n shop -o yaml | windlass health -
  windlass health live.yaml
  kubectl get deploy api -o json | windlass health - -o json | jq -r .reason
  kubectl get certificates,gateways -A -o yaml | windlass health -    # by the health checkers in the plugin folders

States: Healthy, Unknown (its kind says nothing of itself), Suspended (it is told to rest), Progressing, Terminating, Degraded (waiting
alone won't help). Exit code 0 when nothing is to be waited for, 1 when something is degraded, 3 when something is on its way.
JSON is a line an object: {\"object\": {group, kind, namespace, name}, \"state\", \"reason\", \"message\"}.";

/// Most bytes that are read: a namespace's objects fit many times over, and what is piped in by mistake ends.
const MOST: u64 = 256 << 20;

/// Show where living objects stand and why, from a file or standard input
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: a line an object")))]
pub(super) struct Args {
    /// Objects as a cluster shows them: YAML documents, JSON or a List; `-` = standard input
    #[arg(value_name = "FILE|-")]
    file: std::path::PathBuf,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let objects = objects(&args.file)?;
    // Kinds that come with Kubernetes need no plugin, and most looks are at those.
    let is_custom = |object: &Object| !is_built_in(&object.id.group);
    let verdicts = if objects.iter().any(is_custom) && !global.plugins().is_empty() {
        let (_, plugins) = render::open(Path::new("."), global, output)?;
        assess(&plugins, &Tenant::new(""), &objects).await
    } else {
        objects.iter().map(|object| health::assess(&object.body)).collect()
    };
    let ids = objects.into_iter().map(|object| object.id);
    let all: Vec<Assessed> = ids
        .zip(verdicts)
        .map(|(object, verdict)| Assessed { object, verdict })
        .collect();
    match args.form.output {
        Format::Table => {
            let rows: Vec<_> = all.iter().map(row).collect();
            output.print(&table::table(
                &["OBJECT", "STATE", "REASON", "MESSAGE"],
                &rows,
                output.paint,
            ))?;
        }
        Format::Json => {
            for assessed in &all {
                output.print_json(assessed)?;
            }
        }
    }
    Ok(outcome(all.iter().map(|assessed| assessed.verdict.state)))
}

fn outcome(states: impl IntoIterator<Item = State>) -> Outcome {
    match states.into_iter().max() {
        Some(State::Degraded) => Outcome::Failed,
        Some(State::Progressing | State::Terminating) => Outcome::Pending,
        _ => Outcome::Done,
    }
}

/// Every object of the input; lists are taken apart.
fn objects(file: &Path) -> Result<Vec<Object>, Failure> {
    let text = read(file)?;
    let wrong = |line: u32, message: &str| Failure::usage(format!("`{}`, line {line}: {message}", file.display()));
    let documents = yaml::parse(&text).map_err(|error| wrong(error.line, &error.message))?;
    let mut objects = Vec::new();
    for document in documents {
        let mut value = document.value;
        for value in manifest::list_items(&mut value).unwrap_or_else(|| vec![value]) {
            objects.push(Object::from_value(value).map_err(|error| {
                wrong(document.line, &error.to_string()).hint("give what `kubectl get … -o yaml` prints")
            })?);
        }
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

fn row(Assessed { object, verdict }: &Assessed) -> Vec<Cell> {
    let (word, tone) = reports::state(verdict.state);
    vec![
        Cell::text(&object.to_string()),
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
