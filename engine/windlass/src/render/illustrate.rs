//! Puts the source line that a finding points at into the finding, so that whoever shows it needs no repository.

use windlass_core::{
    manifest::Desired,
    render::{Diagnostic, Location, attribute},
    tree::Tree,
};

/// Longer lines are cut: minified JSON is no help on a screen.
const MAX_LINE: usize = 400;

pub(crate) fn all(mut findings: Vec<Diagnostic>, tree: &Tree) -> Vec<Diagnostic> {
    for finding in &mut findings {
        let known = finding.extra.iter().any(|(key, _)| key == attribute::LINE);
        if let (false, Some(line)) = (known, line(&finding.at, tree)) {
            finding.extra.push((attribute::LINE.to_owned(), line));
        }
    }
    findings
}

pub(super) fn warnings(mut desired: Desired, tree: &Tree) -> Desired {
    desired.warnings = all(std::mem::take(&mut desired.warnings), tree);
    desired
}

fn line(at: &Location, tree: &Tree) -> Option<String> {
    let Location::File(file) = at else { return None };
    let number = usize::try_from(file.span?.line).ok()?;
    if file.source != tree.label() || number == 0 {
        return None;
    }
    let bytes = tree.file(&file.path).ok()?;
    let line = bytes.split(|b| *b == b'\n').nth(number - 1)?;
    let text = String::from_utf8_lossy(line);
    Some(text.trim_end_matches('\r').chars().take(MAX_LINE).collect())
}
