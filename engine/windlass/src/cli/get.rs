//! `windlass get`: the objects of a cluster that Windlass goes by, and how they are.

use console::measure_text_width;
use serde_json::{Value, json};
use windlass_core::{crds, moment, yaml};

use super::{
    failure::{Failure, Outcome},
    output::Output,
    paint::Tone,
    site::Place,
    table::{self, Cell},
};
use crate::clock;

const EXAMPLES: &str = "Examples:
  windlass get                            # Apps of the context's namespace
  windlass get apps -A -o wide
  windlass get app api -n shop -o yaml
  windlass get repositories,clusters
  kubectl windlass get apps               # the same, where the program is called kubectl-windlass

Always asks a cluster, with the rights of the kubeconfig. Exit code 1 when one that is named isn't there.";

/// List the Apps, Repositories, Plugins, Tenants or Clusters of a cluster, and how they are
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// apps, repositories, plugins, tenants or clusters, in the singular too; several with commas [default: apps]
    #[arg(value_name = "KINDS", value_parser = kinds)]
    kinds: Option<Kinds>,

    /// Only these
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// In every namespace
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "names"])]
    all_namespaces: bool,

    #[command(flatten)]
    place: Place,

    /// `table`, `wide`, `json`, `yaml` or `name`
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        default_value = "table"
    )]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Table,
    Wide,
    Json,
    Yaml,
    Name,
}

/// Kinds that are listed, the first where none is named.
const LISTED: [&str; 5] = ["App", "Repository", "Plugin", "Tenant", "Cluster"];

fn listed() -> impl Iterator<Item = crds::Kind> {
    LISTED
        .iter()
        .filter_map(|name| crds::KINDS.into_iter().find(|kind| kind.kind == *name))
}

/// Those that are asked for.
#[derive(Debug, Clone)]
struct Kinds(Vec<crds::Kind>);

fn kinds(text: &str) -> Result<Kinds, String> {
    text.split(',').map(kind).collect::<Result<_, _>>().map(Kinds)
}

fn kind(text: &str) -> Result<crds::Kind, String> {
    let wanted = text.to_ascii_lowercase();
    let wanted = wanted.strip_suffix(&format!(".{}", crds::GROUP)).unwrap_or(&wanted);
    let is_it =
        |kind: &crds::Kind| [kind.plural, kind.short].contains(&wanted) || kind.kind.eq_ignore_ascii_case(wanted);
    listed().find(is_it).ok_or_else(|| {
        let names: Vec<&str> = listed().map(|kind| kind.plural).collect();
        format!("there are {}", names.join(", "))
    })
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let site = args.place.connect().await?;
    let kinds: Vec<crds::Kind> = match &args.kinds {
        None => listed().take(1).collect(),
        Some(Kinds(kinds)) => kinds.clone(),
    };
    let mut missing = Vec::new();
    let mut all = Vec::new();
    for kind in &kinds {
        let mut found = Vec::new();
        if args.names.is_empty() {
            let namespace = if args.all_namespaces { "" } else { &site.namespace };
            found = site.list(kind.kind, namespace).await?;
        }
        for name in &args.names {
            match site.get(kind.kind, &site.namespace, name).await? {
                Some(object) => found.push(object),
                None => missing.push(format!("{} `{name}`", kind.kind)),
            }
        }
        for object in &mut found {
            object["apiVersion"] = format!("{}/{}", crds::GROUP, crds::VERSION).into();
            object["kind"] = kind.kind.into();
            // Who owns which field is of no use to a reader, and long.
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
        }
        all.push((*kind, found));
    }
    show(args, &all, output)?;
    if !missing.is_empty() {
        let place = if kinds.iter().any(|kind| kind.scope == crds::Scope::Namespaced) {
            format!(" in namespace `{}`", site.namespace)
        } else {
            String::new()
        };
        return Err(Failure::failed(format!(
            "there is no {}{place} of {}",
            missing.join(", no "),
            site.server()
        )));
    }
    Ok(Outcome::Done)
}

fn show(args: &Args, all: &[(crds::Kind, Vec<Value>)], output: &Output) -> Result<(), Failure> {
    match args.output {
        Form::Json | Form::Yaml => {
            let items: Vec<&Value> = all.iter().flat_map(|(_, found)| found).collect();
            let document = match items.as_slice() {
                [one] if args.names.len() == 1 => (*one).clone(),
                _ => json!({"apiVersion": "v1", "kind": "List", "items": items}),
            };
            if args.output == Form::Json {
                output.print_pretty_json(&document)?;
            } else {
                output.print_foreign(yaml::write(&document).as_bytes())?;
            }
        }
        Form::Name => {
            for (kind, found) in all {
                for object in found {
                    let name = text(object, "/metadata/name");
                    output.print(&format!("{}.{}/{name}\n", kind.kind.to_lowercase(), crds::GROUP))?;
                }
            }
        }
        Form::Table | Form::Wide => {
            let filled: Vec<_> = all.iter().filter(|(_, found)| !found.is_empty()).collect();
            for (index, (kind, found)) in filled.iter().enumerate() {
                let columns = columns(kind, args.all_namespaces, args.output == Form::Wide);
                let rows: Vec<Vec<Cell>> = found
                    .iter()
                    .map(|object| columns.iter().map(|(name, at)| cell(object, name, at)).collect())
                    .collect();
                let header: Vec<&'static str> = columns.iter().map(|(name, _)| *name).collect();
                let width = output
                    .is_terminal
                    .then(|| usize::from(console::Term::stdout().size().1));
                let table = table::table(&header, &shortened(&header, rows, width, found), output.paint);
                let gap = if index > 0 { "\n" } else { "" };
                output.print(&format!("{gap}{table}"))?;
            }
            if filled.is_empty() {
                output.note("there are none\n");
            }
        }
    }
    Ok(())
}

/// Where a column's value stands. What doesn't begin with `/` is a condition's part.
type Column = (&'static str, &'static str);

/// Columns of a kind; the message last, which is as long as it is.
fn columns(kind: &crds::Kind, everywhere: bool, wide: bool) -> Vec<Column> {
    let narrow: &[Column] = match kind.kind {
        "App" => &[
            ("READY", "Ready.status"),
            ("HEALTH", "Healthy.reason"),
            ("REVISION", "/status/revision"),
            ("REPOSITORY", "/spec/repository"),
            ("HOLD", "/status/hold/kind"),
        ],
        "Repository" => &[
            ("READY", "Ready.status"),
            ("REVISION", "/status/revision"),
            ("URL", "/spec/git/url"),
        ],
        "Cluster" => &[("READY", "Ready.status"), ("VERSION", "/status/version")],
        "Plugin" => &[("READY", "Ready.status"), ("VERSIONS", "/spec/versions")],
        _ => &[("READY", "Ready.status"), ("NAMESPACES", "/status/namespaces")],
    };
    let broad: &[Column] = match kind.kind {
        "App" if wide => &[
            ("CLUSTER", "/spec/target/cluster"),
            ("TARGET", "/spec/target/namespace"),
            ("UNTIL", "/status/hold/until"),
        ],
        _ => &[],
    };
    let mut columns = Vec::new();
    if everywhere && kind.scope == crds::Scope::Namespaced {
        columns.push(("NAMESPACE", "/metadata/namespace"));
    }
    columns.push(("NAME", "/metadata/name"));
    columns.extend(narrow);
    columns.extend(broad);
    columns.extend([("AGE", "/metadata/creationTimestamp"), ("MESSAGE", "Ready.message")]);
    columns
}

fn cell(object: &Value, name: &str, at: &str) -> Cell {
    let words = match at.split_once('.') {
        Some((about, part)) => condition(object, about, part),
        None => match object.pointer(at) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(versions)) => {
                let versions = versions.iter().filter_map(|version| version["version"].as_str());
                versions.collect::<Vec<_>>().join(",")
            }
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        },
    };
    match (name, words.as_str()) {
        ("AGE", at) => Cell::text(&age(at)),
        (_, "") => Cell::text("-").tone(Tone::Faint),
        ("READY", "True") => Cell::text("True").tone(Tone::Good),
        ("READY", "False") => Cell::text("False").tone(Tone::Bad),
        ("READY" | "HOLD", _) => Cell::text(&words).tone(Tone::Warn),
        _ => Cell::text(&words),
    }
}

fn condition(object: &Value, about: &str, part: &str) -> String {
    let all = object.pointer("/status/conditions").and_then(Value::as_array);
    let found = all.and_then(|all| all.iter().find(|one| one["type"] == about));
    found.and_then(|one| one[part].as_str()).unwrap_or_default().to_owned()
}

/// As kubectl has ages, roughly: two units of what is short, one of what is long.
fn age(since: &str) -> String {
    let Some(since) = moment::parse(since) else {
        return "-".to_owned();
    };
    let seconds = (clock::now().seconds - since.seconds).max(0);
    lasted(seconds)
}

pub(super) fn lasted(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if minutes < 2 => format!("{seconds}s"),
        () if minutes < 10 && seconds % 60 > 0 => format!("{minutes}m{}s", seconds % 60),
        () if hours < 3 => format!("{minutes}m"),
        () if hours < 8 && minutes % 60 > 0 => format!("{hours}h{}m", minutes % 60),
        () if days < 2 => format!("{hours}h"),
        () if days < 8 && hours % 24 > 0 => format!("{days}d{}h", hours % 24),
        () => format!("{days}d"),
    }
}

/// Least of a message that is shown, however narrow the terminal is.
const LEAST: usize = 20;

/// The messages cut to what the terminal has left.
fn shortened(
    header: &[&'static str],
    mut rows: Vec<Vec<Cell>>,
    width: Option<usize>,
    found: &[Value],
) -> Vec<Vec<Cell>> {
    let Some(width) = width else { return rows };
    let messages: Vec<Cell> = rows.iter_mut().filter_map(Vec::pop).collect();
    let before = header.split_last().map_or(&[][..], |(_, before)| before);
    let plain = table::table(before, &rows, super::paint::Paint::Plain);
    let taken = plain.lines().map(measure_text_width).max().unwrap_or_default();
    let left = width.saturating_sub(taken + 3).max(LEAST);
    for ((row, message), object) in rows.iter_mut().zip(messages).zip(found) {
        let text = condition(object, "Ready", "message");
        row.push(if measure_text_width(&text) > left {
            Cell::text(&console::truncate_str(&super::clean::line(&text), left, "…"))
        } else {
            message
        });
    }
    rows
}

fn text<'v>(object: &'v Value, at: &str) -> &'v str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::paint::Paint;

    #[test]
    fn kinds_are_named_as_kubectl_has_them() {
        for name in ["apps", "App", "app", "wapp", "apps.windlass.dev"] {
            assert_eq!(kind(name).unwrap().kind, "App", "{name}");
        }
        assert!(kind("pods").unwrap_err().contains("apps, repositories"));
        assert!(kind("inventories").is_err());
    }

    #[test]
    fn ages_are_short() {
        for (seconds, expected) in [
            (5, "5s"),
            (119, "119s"),
            (185, "3m5s"),
            (3_600, "60m"),
            (4 * 3600 + 60, "4h1m"),
            (30 * 3600, "30h"),
            (3 * 86_400, "3d"),
            (400 * 86_400, "400d"),
        ] {
            assert_eq!(lasted(seconds), expected);
        }
    }

    fn app(message: &str) -> Value {
        json!({
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"repository": "repo", "target": {}},
            "status": {"revision": "0123456789ab", "hold": {"kind": "Suspended"}, "conditions": [
                {"type": "Ready", "status": "False", "reason": "Suspended", "message": message},
                {"type": "Healthy", "status": "Unknown", "reason": "Suspended", "message": ""},
            ]},
        })
    }

    fn shown(object: &Value, width: Option<usize>) -> String {
        let kind = kind("apps").unwrap();
        let columns = columns(&kind, true, false);
        let header: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let row = columns.iter().map(|(name, at)| cell(object, name, at)).collect();
        let rows = shortened(&header, vec![row], width, std::slice::from_ref(object));
        table::table(&header, &rows, Paint::Plain)
    }

    #[test]
    fn an_app_is_a_row() {
        assert_eq!(
            shown(&app("told to rest"), None),
            "NAMESPACE   NAME   READY   HEALTH      REVISION       REPOSITORY   HOLD        AGE   MESSAGE\n\
             shop        api    False   Suspended   0123456789ab   repo         Suspended   -     told to rest\n"
        );
        let narrow = shown(&app(&"x".repeat(200)), Some(110));
        let longest = narrow.lines().map(measure_text_width).max();
        assert!(longest <= Some(110) && narrow.contains('…'), "{narrow}");
    }
}
