//! One line of `windlass run -o json`: an app, a revision, what was done.

use std::fmt;

use crate::json::Json;

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cycle {
    /// Name of the App.
    pub(super) app: String,
    /// The commit, if one could be resolved.
    pub(super) revision: Option<String>,
    /// `fresh` or `cached`, if it came that far.
    pub(super) render: Option<String>,
    /// Objects by outcome.
    pub(super) changes: Changes,
    /// Where the app stands.
    pub(super) health: String,
    /// What was found.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Objects by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Made.
    pub(super) created: u64,
    /// Changed.
    pub(super) configured: u64,
    /// As they should be.
    pub(super) unchanged: u64,
    /// Deleted.
    pub(super) deleted: u64,
    /// Left alone for a reason.
    pub(super) skipped: u64,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnostic {
    /// `error`, `warning` or `info`.
    pub(super) severity: String,
    /// One sentence.
    pub(super) message: String,
    /// The file, from the repository's root.
    pub(super) file: Option<String>,
    /// From 1.
    pub(super) line: Option<u64>,
}

impl Changes {
    /// Whether the target was written to.
    pub(super) fn any(self) -> bool {
        self.created + self.configured + self.deleted > 0
    }
}

impl Cycle {
    /// Reads a line.
    ///
    /// # Errors
    /// Which field is missing or of the wrong type.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let json = Json::parse(line)?;
        let changes = json.get("changes").ok_or("no field `changes`")?;
        // Part of the contract of the line, though the demo has no use for its value.
        count(&json, "calls")?;
        let diagnostics = json
            .get("diagnostics")
            .and_then(Json::items)
            .ok_or("no list `diagnostics`")?;
        Ok(Self {
            app: text(&json, "app")?,
            revision: nullable(&json, "revision")?,
            render: nullable(&json, "render")?,
            changes: Changes {
                created: count(changes, "created")?,
                configured: count(changes, "configured")?,
                unchanged: count(changes, "unchanged")?,
                deleted: count(changes, "deleted")?,
                skipped: count(changes, "skipped")?,
            },
            health: text(&json, "health")?,
            diagnostics: diagnostics.iter().map(Diagnostic::read).collect::<Result<_, _>>()?,
        })
    }
}

impl Diagnostic {
    fn read(json: &Json) -> Result<Self, String> {
        let file = json.get("at").and_then(|at| at.get("file"));
        let line = file.and_then(|file| file.get("span")?.get("line")?.count());
        Ok(Self {
            severity: text(json, "severity")?,
            message: text(json, "message")?,
            file: file.map(|file| text(file, "path")).transpose()?,
            line: line.filter(|&line| line > 0),
        })
    }
}

/// A row for a person: the app, what was done, where it stands, and below it what was found.
impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes {
            created,
            configured,
            unchanged,
            deleted,
            skipped,
        } = self.changes;
        let counts = [
            (created, "created"),
            (configured, "configured"),
            (unchanged, "unchanged"),
            (deleted, "deleted"),
            (skipped, "skipped"),
        ];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{n} {word}"))
            .collect();
        let render = self.render.as_deref().unwrap_or("-");
        write!(
            f,
            "  {:<10}{render:<8}{:<28}{}",
            self.app,
            counts.join(", "),
            self.health
        )?;
        for Diagnostic {
            severity,
            message,
            file,
            line,
        } in &self.diagnostics
        {
            let place = match (file, line) {
                (Some(file), Some(line)) => format!("{file}:{line}: "),
                (Some(file), None) => format!("{file}: "),
                _ => String::new(),
            };
            let message: String = message.chars().filter(|c| !c.is_control() || *c == '\n').collect();
            write!(f, "\n    {severity}: {place}{}", message.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}

fn text(json: &Json, field: &str) -> Result<String, String> {
    json.get(field)
        .and_then(Json::text)
        .map(str::to_owned)
        .ok_or_else(|| format!("no text `{field}`"))
}

fn nullable(json: &Json, field: &str) -> Result<Option<String>, String> {
    if json.get(field) == Some(&Json::Null) {
        Ok(None)
    } else {
        text(json, field).map(Some)
    }
}

fn count(json: &Json, field: &str) -> Result<u64, String> {
    json.get(field)
        .and_then(Json::count)
        .ok_or_else(|| format!("no count `{field}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"app":"api","revision":"4f1c","render":"fresh","calls":1,"changes":{"created":0,"configured":1,"unchanged":2,"deleted":0,"skipped":0},"health":"healthy","diagnostics":[]}"#;
    const BAD: &str = r#"{"app":"platform","revision":"4f1c","render":null,"calls":1,"changes":{"created":0,"configured":0,"unchanged":0,"deleted":0,"skipped":0},"health":"failed","diagnostics":[{"severity":"error","code":"yaml","message":"bad indentation","at":{"file":{"path":"apps/platform/rbac.yaml","span":{"line":12,"column":4,"endLine":0,"endColumn":0}}}},{"severity":"warning","code":"w","message":"somewhere","at":"none"}]}"#;

    #[test]
    fn a_line_is_read_and_shown() {
        let cycle = Cycle::parse(GOOD).unwrap();
        assert!(cycle.changes.any());
        assert_eq!(
            cycle.to_string(),
            "  api       fresh   1 configured, 2 unchanged   healthy"
        );
    }

    #[test]
    fn a_finding_names_its_place() {
        let cycle = Cycle::parse(BAD).unwrap();
        assert_eq!(
            (cycle.diagnostics[0].file.as_deref(), cycle.diagnostics[0].line),
            (Some("apps/platform/rbac.yaml"), Some(12))
        );
        let shown = cycle.to_string();
        assert!(
            shown.contains("\n    error: apps/platform/rbac.yaml:12: bad indentation"),
            "{shown}"
        );
        assert!(shown.contains("\n    warning: somewhere"), "{shown}");
    }

    #[test]
    fn a_missing_field_is_named() {
        for field in [
            "app",
            "revision",
            "render",
            "calls",
            "changes",
            "configured",
            "health",
            "diagnostics",
        ] {
            let line = GOOD.replace(&format!("\"{field}\""), "\"other\"");
            let message = Cycle::parse(&line).unwrap_err();
            assert!(message.contains(&format!("`{field}`")), "{field}: {message}");
        }
    }
}
