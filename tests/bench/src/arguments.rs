//! The command line.

use std::path::PathBuf;

use crate::figure::Effort;

/// What is wanted.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Parts, by name; none = all.
    only: Vec<String>,
    /// How much is measured.
    pub(crate) effort: Effort,
    /// Keep the report.
    pub(crate) write: bool,
    /// Beside Flux as well.
    pub(crate) with_flux: bool,
    /// Leave the figures of one part here: this is the part's own process.
    pub(crate) into: Option<PathBuf>,
}

impl Arguments {
    /// Reads the arguments; `parts` are the names there are.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>, parts: &[&str]) -> Result<Self, String> {
        let mut arguments = Self {
            only: Vec::new(),
            effort: Effort::default(),
            write: false,
            with_flux: false,
            into: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` wants a value"));
            match word.as_str() {
                "--quick" => arguments.effort.is_quick = true,
                "--apps" => arguments.effort.apps = Some(number(&value()?)?),
                "--idle" => arguments.effort.idle = Some(number(&value()?)?),
                "--write" => arguments.write = true,
                "--with-flux" => arguments.with_flux = true,
                "--into" => arguments.into = Some(value()?.into()),
                "--only" => {
                    let part = value()?;
                    if !parts.contains(&part.as_str()) {
                        return Err(format!("there is no part `{part}`; there are: {}", parts.join(", ")));
                    }
                    arguments.only.push(part);
                }
                _ => {
                    return Err(format!(
                        "`{word}` is no argument; there are: --write, --quick, --with-flux, --apps NUMBER, --idle SECONDS, --only PART"
                    ));
                }
            }
        }
        Ok(arguments)
    }

    /// Whether a part is measured.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    /// The command that does the same.
    pub(crate) fn command(&self) -> String {
        let mut words = vec!["cargo x bench".to_owned()];
        let effort = self.effort.words();
        if !effort.is_empty() || self.write || self.with_flux || !self.only.is_empty() {
            words.push("--".to_owned());
        }
        words.extend(self.write.then(|| "--write".to_owned()));
        words.extend(effort);
        words.extend(self.with_flux.then(|| "--with-flux".to_owned()));
        words.extend(self.only.iter().map(|part| format!("--only {part}")));
        words.join(" ")
    }
}

impl Effort {
    /// The arguments that say so.
    pub(crate) fn words(self) -> Vec<String> {
        let mut words = Vec::new();
        words.extend(self.is_quick.then(|| "--quick".to_owned()));
        for (name, given) in [("--apps", self.apps), ("--idle", self.idle)] {
            words.extend(given.map(|number| format!("{name} {number}")));
        }
        words
    }
}

fn number(word: &str) -> Result<usize, String> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("`{word}` is no number of anything"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned), &["loop", "seam"])
    }

    #[test]
    fn parts_are_chosen_and_the_command_says_which() {
        let arguments = parsed("--only loop --quick").expect("arguments");
        assert!(arguments.wants("loop") && !arguments.wants("seam"));
        assert_eq!(arguments.command(), "cargo x bench -- --quick --only loop");
        let arguments = parsed("--only loop --with-flux").expect("arguments");
        assert_eq!(arguments.command(), "cargo x bench -- --with-flux --only loop");
        let small = parsed("--only loop --apps 100 --idle 5").expect("arguments");
        assert_eq!((small.effort.apps(1_000, 50), small.effort.of(4, 1)), (100, 4));
        assert_eq!(small.command(), "cargo x bench -- --apps 100 --idle 5 --only loop");
        let all = parsed("").expect("arguments");
        assert!(all.wants("seam") && !all.with_flux);
        assert_eq!(all.command(), "cargo x bench");
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let message = parsed("--only lop").expect_err("a refusal");
        assert!(message.contains("there are: loop, seam"));
        assert!(parsed("--fast").is_err() && parsed("--only").is_err());
        assert!(parsed("--apps few").is_err() && parsed("--idle 0").is_err());
    }
}
