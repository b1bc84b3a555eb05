//! Regular expressions of custom resources, compiled once a call.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take: `a{1000}{1000}` in a CustomResourceDefinition must not eat the call's memory.
const SIZE: usize = 1 << 20;

/// Expressions that have been met. Those that can't be compiled fit everything: Go's syntax, which the server takes, is a
/// little wider, and the server refuses a definition with a broken one.
#[derive(Debug, Default)]
pub(crate) struct Patterns(HashMap<String, Option<Regex>>);

impl Patterns {
    /// Whether `pattern` is found in `text`.
    pub(crate) fn fits(&mut self, pattern: &str, text: &str) -> bool {
        if !self.0.contains_key(pattern) {
            let compiled = RegexBuilder::new(pattern).size_limit(SIZE).build().ok();
            self.0.insert(pattern.to_owned(), compiled);
        }
        let compiled = self.0.get(pattern).and_then(Option::as_ref);
        compiled.is_none_or(|regex| regex.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_searched_and_broken_ones_fit() {
        let mut patterns = Patterns::default();
        for (pattern, text, fits) in [
            ("^[a-z]+$", "abc", true),
            ("^[a-z]+$", "ab1", false),
            ("b", "abc", true),
            ("(?!a)", "a", true),
            ("((a{1000}){1000}){1000}", "b", true),
        ] {
            assert_eq!(patterns.fits(pattern, text), fits, "{pattern}");
            assert_eq!(patterns.fits(pattern, text), fits, "{pattern}, again");
        }
    }
}
