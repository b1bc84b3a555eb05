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
            effort: Effort::Full,
            write: false,
            with_flux: false,
            into: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` wants a value"));
            match word.as_str() {
                "--quick" => arguments.effort = Effort::Quick,
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
                        "`{word}` is no argument; there are: --write, --quick, --with-flux, --only PART"
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
        let quick = self.effort == Effort::Quick;
        if quick || self.write || self.with_flux || !self.only.is_empty() {
            words.push("--".to_owned());
        }
        words.extend(self.write.then(|| "--write".to_owned()));
        words.extend(quick.then(|| "--quick".to_owned()));
        words.extend(self.with_flux.then(|| "--with-flux".to_owned()));
        words.extend(self.only.iter().map(|part| format!("--only {part}")));
        words.join(" ")
    }
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
        let all = parsed("").expect("arguments");
        assert!(all.wants("seam") && !all.with_flux);
        assert_eq!(all.command(), "cargo x bench");
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let message = parsed("--only lop").expect_err("a refusal");
        assert!(message.contains("there are: loop, seam"));
        assert!(parsed("--fast").is_err() && parsed("--only").is_err());
    }
}
