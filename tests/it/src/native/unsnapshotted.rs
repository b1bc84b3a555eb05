//! A snapshot freezes the seeds of a plugin's runtime, and could hide an output that depends on them.
//!
//! The same source without a snapshot starts up in each call, on seeds that the host draws. It must say the same for two
//! installations, whose seeds are different, as the snapshot does.

use windlass::cli::native;

use super::{Case, Native, Problem, in_parallel, sandboxed};

/// Any two that differ.
const INSTALLATIONS: [u8; 2] = [sandboxed::INSTALLATION, 8];

/// The names of the cases that come out otherwise without a snapshot; and how many rendered at all.
///
/// # Errors
/// When a case can't be rendered for a reason that is none of its own.
pub fn same_without_snapshot(
    snapshot: &Native,
    unsnapshotted: &Native,
    cases: &[Case],
) -> Result<(Vec<String>, usize), Problem> {
    let compared = in_parallel(cases, |case| same(snapshot, unsnapshotted, case));
    let (mut others, mut rendered) = (Vec::new(), 0);
    for (case, outcome) in cases.iter().zip(compared) {
        match outcome? {
            Outcome::Same => rendered += 1,
            Outcome::Fails => {}
            Outcome::Other => others.push(case.name.clone()),
        }
    }
    Ok((others, rendered))
}

enum Outcome {
    Same,
    /// On every side. Upstream's texts of errors depend on the order of maps: only documents are compared.
    Fails,
    Other,
}

fn same(snapshot: &Native, unsnapshotted: &Native, case: &Case) -> Result<Outcome, Problem> {
    let mut fails = false;
    for installation in INSTALLATIONS {
        let [expected, found] = [snapshot, unsnapshotted].map(|side| text(side, case, installation));
        let (expected, found) = (expected?, found?);
        if expected != found {
            return Ok(Outcome::Other);
        }
        fails = expected.is_none();
    }
    Ok(if fails { Outcome::Fails } else { Outcome::Same })
}

fn text(side: &Native, case: &Case, installation: u8) -> Result<Option<Vec<u8>>, Problem> {
    let rendered = sandboxed::render_as(side, case, installation)?;
    Ok(rendered.ok().map(|documents| native::text(&documents)))
}
