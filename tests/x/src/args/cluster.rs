//! `cargo x cluster VERB`.

/// The cluster that is meant when none is named.
pub(crate) const DEFAULT: &str = "dev";

/// What to do, with which cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// What.
    pub(crate) verb: Verb,
    /// A name that can be that of a file.
    pub(crate) name: String,
}

/// What to do with a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Start it.
    Up {
        /// Every request is noted.
        audit: bool,
    },
    /// End it.
    Down {
        /// And all others.
        all: bool,
    },
    /// Tell a shell where it is.
    Env,
    /// Tell a person what runs.
    Status,
}

/// Understands what stands after `cluster`.
///
/// # Errors
/// The rest of a sentence that begins with the task.
pub(super) fn parse(arguments: Vec<String>) -> Result<Cluster, String> {
    let mut arguments = arguments.into_iter();
    let mut verb = match arguments.next().as_deref() {
        Some("up") => Verb::Up { audit: false },
        Some("down") => Verb::Down { all: false },
        Some("env") => Verb::Env,
        Some("status") => Verb::Status,
        Some(other) => return Err(format!("doesn't take `{other}`: it takes up, down, env or status")),
        None => return Err("needs one of up, down, env and status".to_owned()),
    };
    let mut name = None;
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), &mut verb) {
            ("--audit", Verb::Up { audit }) => *audit = true,
            ("--all", Verb::Down { all }) => *all = true,
            (text, Verb::Up { .. } | Verb::Down { .. } | Verb::Env)
                if text == "--name" || text.starts_with("--name=") =>
            {
                let value = text
                    .strip_prefix("--name=")
                    .map(str::to_owned)
                    .or_else(|| arguments.next());
                name =
                    Some(value.filter(|name| is_name(name)).ok_or_else(|| {
                        "needs a NAME after `--name`, of lower case letters, digits and `-`".to_owned()
                    })?);
            }
            (text, _) => return Err(format!("doesn't take `{text}`")),
        }
    }
    if verb == (Verb::Down { all: true }) && name.is_some() {
        return Err("takes `--name` or `--all`, not both".to_owned());
    }
    Ok(Cluster {
        verb,
        name: name.unwrap_or_else(|| DEFAULT.to_owned()),
    })
}

/// It becomes the name of a file and a word for a shell.
fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && !text.starts_with('-') && text.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cluster, String> {
        parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn every_verb_has_its_options() {
        for (line, verb, name) in [
            ("up", Verb::Up { audit: false }, DEFAULT),
            ("up --name a-1 --audit", Verb::Up { audit: true }, "a-1"),
            ("down --name=b", Verb::Down { all: false }, "b"),
            ("down --all", Verb::Down { all: true }, DEFAULT),
            ("env", Verb::Env, DEFAULT),
            ("status", Verb::Status, DEFAULT),
        ] {
            let name = name.to_owned();
            assert_eq!(parsed(line), Ok(Cluster { verb, name }), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, part) in [
            ("", "needs one of"),
            ("start", "`start`"),
            ("down --audit", "`--audit`"),
            ("status --name a", "`--name`"),
            ("up --name", "needs a NAME"),
            ("up --name ../a", "needs a NAME"),
            ("up --name=-a", "needs a NAME"),
            ("down --all --name a", "not both"),
        ] {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
