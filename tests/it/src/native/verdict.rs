//! How a case ended on both sides.

use std::{thread, time::Duration};

use windlass::cli::native;
use windlass_core::render::Document;

use super::{
    Native, Problem,
    case::{Case, Tool},
    exceptions::Sides,
    sandboxed, tools,
    tools::Printed,
};

/// Before a second native run: `now` in a template is printed in seconds.
const ANOTHER_SECOND: Duration = Duration::from_millis(1100);

/// A case and its verdict.
#[derive(Debug)]
pub struct Row {
    /// The case's name.
    pub case: String,
    /// Who rendered it.
    pub tool: Tool,
    /// How it ended.
    pub verdict: Verdict,
}

/// How a case ended on both sides.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same bytes.
    Equal,
    /// Neither renders it. The texts differ by design: both are kept for a person to compare.
    BothFail {
        /// The native tool's.
        native: String,
        /// The plugin's findings.
        windlass: String,
    },
    /// It differs as the exception of that name says.
    Excepted(String),
    /// It differs; how, for a person.
    Differs(String),
}

/// Compares one case.
pub(super) fn row(native: &Native, case: &Case) -> Row {
    let verdict = verdict(native, case).unwrap_or_else(|problem| Verdict::Differs(format!("not compared: {problem}")));
    Row {
        case: case.name.clone(),
        tool: case.tool,
        verdict,
    }
}

fn verdict(native: &Native, case: &Case) -> Result<Verdict, Problem> {
    let sides = match (tools::run(&native.oracles, case)?, sandboxed::render(native, case)?) {
        (Err(said), Err(findings)) => return Ok(both_fail(case, said, &findings)),
        (Ok(printed), Err(findings)) => Sides {
            native: Ok(expected(&printed)),
            windlass: Err(findings.join("\n")),
        },
        (Err(said), Ok(documents)) => Sides {
            native: Err(said),
            windlass: Ok(native::text(&documents)),
        },
        (Ok(printed), Ok(documents)) => match same(&printed, &documents)? {
            None => return Ok(told(case, "", Verdict::Equal)),
            Some(sides) => sides,
        },
    };
    if let Some(name) = native.exceptions.matching(case, &sides, || again(native, case)) {
        return Ok(told(
            case,
            sides.windlass.as_ref().err().map_or("", String::as_str),
            Verdict::Excepted(name),
        ));
    }
    Ok(Verdict::Differs(difference(&sides)))
}

/// What the native tool prints another time; what changes is of chance or the clock.
fn again(native: &Native, case: &Case) -> Option<Vec<u8>> {
    thread::sleep(ANOTHER_SECOND);
    let printed = tools::run(&native.oracles, case).ok()?.ok()?;
    Some(expected(&printed))
}

fn both_fail(case: &Case, native: String, findings: &[String]) -> Verdict {
    let windlass = findings.join("\n");
    told(case, &windlass.clone(), Verdict::BothFail { native, windlass })
}

/// A golden case may say what is found.
fn told(case: &Case, findings: &str, verdict: Verdict) -> Verdict {
    match &case.facts.fails {
        Some(text) if !findings.contains(text.as_str()) => {
            Verdict::Differs(format!("no finding contains `{text}`:\n{findings}"))
        }
        _ => verdict,
    }
}

/// Nothing when they are the same.
fn same(printed: &Printed, documents: &[Document]) -> Result<Option<Sides>, Problem> {
    let contents = || documents.iter().map(|document| document.content.as_slice());
    let found = match printed {
        Printed::Text(_) => native::text(documents),
        Printed::Stream(_) => contents()
            .flat_map(|content| [b"---\n", content].concat())
            .chain(*b"...\n")
            .collect(),
        Printed::Files(_) => contents().collect::<Vec<_>>().concat(),
        Printed::Objects(_) => {
            let values: Vec<serde_json::Value> = contents().map(serde_json::from_slice).collect::<Result<_, _>>()?;
            format!("{values:#?}").into_bytes()
        }
    };
    let expected = expected(printed);
    Ok((expected != found).then_some(Sides {
        native: Ok(expected),
        windlass: Ok(found),
    }))
}

fn expected(printed: &Printed) -> Vec<u8> {
    match printed {
        Printed::Text(text) | Printed::Stream(text) => text.clone(),
        Printed::Files(files) => files.concat(),
        Printed::Objects(objects) => format!("{objects:#?}").into_bytes(),
    }
}

fn difference(sides: &Sides) -> String {
    match (&sides.native, &sides.windlass) {
        (Ok(native), Ok(windlass)) => {
            let (native, windlass) = (String::from_utf8_lossy(native), String::from_utf8_lossy(windlass));
            similar::TextDiff::from_lines(&*native, &*windlass)
                .unified_diff()
                .context_radius(2)
                .header("native", "windlass")
                .to_string()
        }
        (Ok(_), Err(findings)) => format!("only windlass fails: {findings}"),
        (Err(said), _) => format!("only the native tool fails: {said}"),
    }
}
