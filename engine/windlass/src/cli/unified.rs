//! A plan as text: what lives against what git wants, object by object, as `diff -u` prints it.

use std::time::Duration;

use serde::Serialize;
use similar::TextDiff;
use windlass_core::{
    diff::{Action, Cause, SkipReason, Step},
    model::ObjectId,
    redact,
    render::FileAt,
};

use super::{
    clean,
    paint::{Paint, Tone},
};
use crate::{preview::Foreseen, target::Preview};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// After this long the rest of an object is shown as replaced. The threat: two large, unlike objects take minutes.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// One object of a plan, for people and programs. Values of Secrets are redacted.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectDiff {
    /// Which.
    pub object: ObjectId,
    /// `create`, `configure`, `delete` or `skip`.
    pub action: &'static str,
    /// Why, in kebab-case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Where git has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<FileAt>,
    /// JSON pointers to values that were generated, not written; empty when there are some and it is not known where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generated: Option<Vec<String>>,
    /// Unified diff without colours; empty when only what is not shown differs.
    pub diff: String,
}

/// The sides of a comparison with a target.
pub(super) const LIVE_AND_GIT: [&str; 2] = ["live", "git"];

/// Every step that changes something or is left undone for a reason, in the plan's order. `sides`: what they are called.
#[must_use]
pub(super) fn objects(foreseen: &Foreseen, sides: [&str; 2]) -> Vec<ObjectDiff> {
    let steps = foreseen.plan.steps.iter();
    steps
        .filter_map(|step| object(step, &foreseen.of(step), sides))
        .collect()
}

fn object(step: &Step, preview: &Preview, sides: [&str; 2]) -> Option<ObjectDiff> {
    let (action, reason) = match &step.action {
        Action::Keep | Action::Forget => return None,
        Action::Create => ("create", None),
        Action::Configure(Cause::Changed) => ("configure", Some("changed")),
        Action::Configure(Cause::Drifted) => ("configure", Some("drifted")),
        Action::Configure(Cause::Adopted) => ("configure", Some("adopted")),
        Action::Configure(Cause::Reconsidered) => ("configure", Some("reconsidered")),
        Action::Delete => ("delete", None),
        Action::Skip(reason) => ("skip", Some(skip_word(reason))),
    };
    Some(ObjectDiff {
        object: step.id.clone(),
        action,
        reason,
        origin: step.desired.as_ref().and_then(|m| m.origin.clone()),
        generated: step
            .desired
            .as_ref()
            .and_then(|m| m.generated.as_ref().map(|g| g.fields.clone())),
        diff: text(step, preview, sides),
    })
}

const fn skip_word(reason: &SkipReason) -> &'static str {
    match reason {
        SkipReason::Foreign => "foreign",
        SkipReason::OwnedBy(_) => "owned-by-another-app",
        SkipReason::KeptBy(_) => "kept-by-another-tool",
        SkipReason::Terminating => "terminating",
        SkipReason::CreateOnly => "create-only",
        SkipReason::DriftReported => "drift-reported",
        SkipReason::Fighting(_) => "fighting",
        SkipReason::PruneOff => "prune-off",
        SkipReason::Protected => "protected",
        SkipReason::PruneDisabled => "prune-disabled",
        SkipReason::Holds(_) => "holds-others",
        SkipReason::MovesTo(_) => "moves-to-another-app",
        SkipReason::Restored => "restored",
        SkipReason::Uncertain => "uncertain",
        SkipReason::NotOursAnymore => "not-ours-anymore",
        SkipReason::Unseen(_) => "unseen",
    }
}

fn text(step: &Step, preview: &Preview, [before, after]: [&str; 2]) -> String {
    let (live, desired) = redact::pair(preview.live.as_ref(), preview.wanted.as_ref());
    let old = live.map(|view| view.yaml()).unwrap_or_default();
    let new = desired.map(|view| view.yaml()).unwrap_or_default();
    let diff = TextDiff::configure().timeout(TIME_LIMIT).diff_lines(&*old, &*new);
    let name = step.id.to_string();
    let side = |side: &str, there: bool| format!("{side} {name}{}", if there { "" } else { " (absent)" });
    let (old_name, new_name) = (side(before, step.live.is_some()), side(after, step.desired.is_some()));
    diff.unified_diff()
        .context_radius(CONTEXT)
        .missing_newline_hint(false)
        .header(&old_name, &new_name)
        .to_string()
}

/// For people: a line on the object, its diff, a blank line.
#[must_use]
pub(super) fn show(object: &ObjectDiff, paint: Paint) -> String {
    let tone = match object.action {
        "create" => Tone::Good,
        "delete" => Tone::Bad,
        _ => Tone::Warn,
    };
    let reason = object.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let mut text = format!(
        "{}{reason} {}{}\n",
        paint.tone(tone, object.action),
        clean::line(&object.object.to_string()),
        paint.tone(Tone::Faint, origin(object.origin.as_ref()))
    );
    if let Some(fields) = &object.generated {
        text.push_str(&format!("{}\n", paint.tone(Tone::Faint, generated(fields))));
    }
    for line in clean::text(&object.diff).lines() {
        let tone = match line.as_bytes() {
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => Tone::Strong,
            [b'@', b'@', ..] => Tone::Place,
            [b'-', ..] => Tone::Bad,
            [b'+', ..] => Tone::Good,
            _ => Tone::Plain,
        };
        text.push_str(&paint.tone(tone, line));
        text.push('\n');
    }
    text.push('\n');
    text
}

/// What a reader of a preview must know: these values are this installation's own.
#[must_use]
pub(super) fn generated(fields: &[String]) -> String {
    if fields.is_empty() {
        return "generated values in it: keyed by installation and app, never by revision".to_owned();
    }
    let fields = fields.join(", ");
    let fields = clean::line(&fields);
    format!("generated: {fields}; keyed by installation and app, never by revision")
}

fn origin(file: Option<&FileAt>) -> String {
    let Some(file) = file else { return String::new() };
    let path = clean::line(&file.path);
    match file.span {
        Some(span) if span.line > 0 => format!("  {path}:{}", span.line),
        _ => format!("  {path}"),
    }
}

#[cfg(test)]
mod tests;
