//! `windlass why KIND NAME`: which file of which commit an object comes from.

use windlass_core::{moment, render::FileAt};

use super::{
    ask,
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    reports,
    site::Context,
    table::{self, Cell},
};
use crate::control::{Request, Response, Whence};

const EXAMPLES: &str = "Examples:
  windlass why deployment api -n shop
  windlass why Deployment/api
  windlass why Deployment/api --context eu                    # an engine in a cluster keeps it
  windlass why ingresses.networking.k8s.io api -o json | jq -r '.file.path'

Says which App owns the object, the file and line it comes from, and the commit and author of the change that it was last
part of, as far back as the App's history goes. A cluster is asked where its engine keeps Apps by their objects; it doesn't tell the file.";

/// Show where an object comes from: App, file and line, commit, author, plugin
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: an object a line")))]
pub(super) struct Args {
    /// Its kind, or KIND/NAME
    #[arg(value_name = "KIND")]
    kind: String,

    /// Its name
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Its namespace [default: any]
    #[arg(short, long, value_name = "NS")]
    namespace: Option<String>,

    #[command(flatten)]
    context: Context,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let (kind, name) = match (&args.name, args.kind.split_once('/')) {
        (Some(name), _) => (args.kind.clone(), name.clone()),
        (None, Some((kind, name))) => (kind.to_owned(), name.to_owned()),
        (None, None) => return Err(Failure::usage("which one? Write KIND NAME or KIND/NAME")),
    };
    let request = Request::Why {
        kind,
        name,
        namespace: args.namespace.clone(),
    };
    let Response::Why { objects } = ask::ask(global, args.context.remote(), &request, output)? else {
        return Err(ask::strange());
    };
    match args.form.output {
        Format::Json => {
            for object in &objects {
                output.print_json(object)?;
            }
        }
        Format::Table => {
            let rows: Vec<_> = objects.iter().map(row).collect();
            output.print(&table::table(&HEADER, &rows, output.paint))?;
        }
    }
    Ok(Outcome::Done)
}

const HEADER: [&str; 8] = [
    "OBJECT",
    "APP",
    "REPOSITORY",
    "FILE",
    "REVISION",
    "CHANGED",
    "AUTHOR",
    "PLUGIN",
];

fn row(whence: &Whence) -> Vec<Cell> {
    let changed = whence.changed.as_ref();
    // The commit that made it what it is; where the history begins later, the one that it stands at.
    let origin = changed.map(|changed| &changed.origin).or(whence.origin.as_ref());
    let text = |text: Option<&str>| match text {
        Some(text) if !text.is_empty() => Cell::text(text),
        _ => Cell::text("-"),
    };
    let when = changed.map(|changed| moment::text(changed.at));
    vec![
        Cell::text(&whence.object.to_string()),
        Cell::text(&whence.app),
        text(origin.map(|origin| origin.repository.as_str())),
        text(whence.file.as_ref().map(place).as_deref()),
        Cell::text(&reports::short(origin.and_then(|origin| origin.revision.as_deref()))),
        text(when.as_deref()),
        text(origin.and_then(|origin| origin.author.split(" <").next())),
        text(whence.plugin.as_ref().map(|plugin| plugin.reference.as_str())),
    ]
}

fn place(file: &FileAt) -> String {
    match file.span {
        Some(span) if span.line > 0 => format!("{}:{}", file.path, span.line),
        _ => file.path.clone(),
    }
}
