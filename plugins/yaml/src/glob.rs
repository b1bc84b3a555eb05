//! Globs over paths: `*` and `?` within a segment, `[a-z]`, `[!a]`, `{a,b}`, `\` before a character that is meant
//! literally, and `**` as a whole segment for any number of segments.
//!
//! Written here because a regular-expression engine would be four fifths of the plugin, and compiling four patterns
//! with it took longer than rendering a hundred manifests.

/// Patterns that braces may unfold to: `{a,b}{a,b}…` doubles with each pair.
const MAX_ALTERNATIVES: usize = 256;

/// A pattern, ready to match.
#[derive(Debug)]
pub(crate) struct Glob {
    /// Braces unfolded, each cut into segments.
    alternatives: Vec<Vec<Segment>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`.
    Any,
    /// Anything else.
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`.
    Star,
    /// `?`.
    One,
    /// One character as it is.
    Char(char),
    /// One character of these ranges, or of none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Reads `pattern`.
    ///
    /// # Errors
    /// What is wrong with it, as "… in it".
    pub(crate) fn new(pattern: &str) -> Result<Self, &'static str> {
        let unfolded = unfold(pattern)?;
        let alternatives = unfolded.iter().map(|pattern| pattern.split('/').map(segment).collect());
        Ok(Self {
            alternatives: alternatives.collect::<Result<_, _>>()?,
        })
    }

    /// Whether `path` matches as a whole.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let names: Vec<Vec<char>> = path.split('/').map(|name| name.chars().collect()).collect();
        self.alternatives.iter().any(|segments| {
            wildcard(
                segments,
                &names,
                |segment| *segment == Segment::Any,
                |segment, name| match segment {
                    Segment::Any => true,
                    Segment::Tokens(tokens) => wildcard(tokens, name, |token| *token == Token::Star, Token::takes),
                },
            )
        })
    }
}

impl Token {
    fn takes(&self, c: &char) -> bool {
        match self {
            Self::Star | Self::One => true,
            Self::Char(own) => own == c,
            Self::Class { negated, ranges } => ranges.iter().any(|(low, high)| (low..=high).contains(&c)) != *negated,
        }
    }
}

/// Whether `items` match `pattern`, in which what `is_star` stands for any number of items. Only the last star is
/// ever gone back to, so the time is the product of both lengths at most.
fn wildcard<P, I>(pattern: &[P], items: &[I], is_star: impl Fn(&P) -> bool, takes: impl Fn(&P, &I) -> bool) -> bool {
    let (mut at, mut item) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while item < items.len() {
        if pattern.get(at).is_some_and(&is_star) {
            retry = Some((at, item));
            at += 1;
        } else if pattern.get(at).is_some_and(|pattern| takes(pattern, &items[item])) {
            at += 1;
            item += 1;
        } else if let Some((star, taken)) = retry {
            retry = Some((star, taken + 1));
            (at, item) = (star + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(is_star)
}

/// All patterns that the first pair of braces stands for, and so on.
fn unfold(pattern: &str) -> Result<Vec<String>, &'static str> {
    let mut done = Vec::new();
    let mut left = vec![pattern.to_owned()];
    while let Some(pattern) = left.pop() {
        match braces(&pattern)? {
            None => done.push(pattern),
            Some((before, choices, after)) => {
                left.extend(choices.iter().map(|choice| format!("{before}{choice}{after}")));
            }
        }
        if done.len() + left.len() > MAX_ALTERNATIVES {
            return Err("too many alternatives");
        }
    }
    Ok(done)
}

/// What is before a pair of braces, its choices, what is after it.
type Braces<'a> = (&'a str, Vec<&'a str>, &'a str);

/// The first pair of braces.
fn braces(pattern: &str) -> Result<Option<Braces<'_>>, &'static str> {
    let mut open: Vec<usize> = Vec::new();
    let mut commas = Vec::new();
    let mut escaped = false;
    for (index, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => open.push(index),
            ',' if open.len() == 1 => commas.push(index),
            '}' => {
                let start = open.pop().ok_or("a `}` without `{`")?;
                if open.is_empty() {
                    let bounds = commas.iter().copied().chain([index]);
                    let mut from = start + 1;
                    let choices = bounds
                        .map(|to| &pattern[std::mem::replace(&mut from, to + 1)..to])
                        .collect();
                    return Ok(Some((&pattern[..start], choices, &pattern[index + 1..])));
                }
            }
            _ => {}
        }
    }
    if open.is_empty() {
        Ok(None)
    } else {
        Err("a `{` without `}`")
    }
}

fn segment(text: &str) -> Result<Segment, &'static str> {
    if text == "**" {
        return Ok(Segment::Any);
    }
    let mut tokens = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Star,
            '?' => Token::One,
            '[' => class(&mut chars)?,
            '\\' => Token::Char(chars.next().ok_or("a `\\` at the end")?),
            c => Token::Char(c),
        });
    }
    Ok(Segment::Tokens(tokens))
}

/// What follows `[`, up to its `]`. A `]` or `-` at the start is meant literally.
fn class(chars: &mut std::str::Chars<'_>) -> Result<Token, &'static str> {
    const OPEN: &str = "a `[` without `]`";
    let mut inside: Vec<char> = Vec::new();
    let negated = matches!(chars.as_str().chars().next(), Some('!' | '^'));
    if negated {
        chars.next();
    }
    loop {
        match chars.next().ok_or(OPEN)? {
            ']' if !inside.is_empty() => break,
            '\\' => inside.push(chars.next().ok_or(OPEN)?),
            c => inside.push(c),
        }
    }
    let mut ranges = Vec::new();
    let mut rest = &inside[..];
    while let [first, tail @ ..] = rest {
        match tail {
            ['-', last, tail @ ..] => {
                if first > last {
                    return Err("a range that ends before it begins");
                }
                ranges.push((*first, *last));
                rest = tail;
            }
            _ => {
                ranges.push((*first, *first));
                rest = tail;
            }
        }
    }
    Ok(Token::Class { negated, ranges })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::new(pattern).unwrap();
        for path in matching {
            assert!(glob.matches(path), "{pattern} must match {path}");
        }
        for path in others {
            assert!(!glob.matches(path), "{pattern} must not match {path}");
        }
    }

    #[test]
    fn stars_stay_within_a_segment() {
        check(
            "*.yaml",
            &["a.yaml", ".yaml", "a.b.yaml"],
            &["a/b.yaml", "a.yml", "a.yaml/x"],
        );
        check("a*b*c", &["abc", "aXbYc", "abbcc"], &["ab", "acb", "a/b/c"]);
        check("a?c", &["abc", "aéc"], &["ac", "a/c", "abbc"]);
    }

    #[test]
    fn two_stars_are_any_number_of_segments() {
        check("**/a", &["a", "x/a", "x/y/a"], &["xa", "a/b"]);
        check("a/**", &["a/b", "a/b/c", "a"], &["ab", "b/a"]);
        check("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "a/b/c"]);
        check("**/x/**/y", &["x/y", "a/x/b/c/y", "x/x/y/y"], &["y/x"]);
        check("**", &["a", "a/b"], &[]);
        check("a**b", &["ab", "axb"], &["a/b"]);
    }

    #[test]
    fn classes_and_escapes() {
        check("[a-c]x", &["ax", "cx"], &["dx", "x"]);
        check("[!a-c]x", &["dx"], &["ax", "/x"]);
        check("[]-]", &["]", "-"], &["a"]);
        check(r"\*\[", &["*["], &["a["]);
        check(r"[\]]", &["]"], &["\\"]);
    }

    #[test]
    fn braces_are_alternatives() {
        check("*.{yaml,yml}", &["a.yaml", "a.yml"], &["a.json", "a.{yaml,yml}"]);
        check("{a,b/{c,d}}/x", &["a/x", "b/c/x", "b/d/x"], &["b/x", "c/x"]);
        check("a{,b}", &["a", "ab"], &["b"]);
        check(r"\{a\}", &["{a}"], &["a"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (pattern, expected) in [
            ("a[", "a `[` without `]`"),
            ("[z-a]", "a range"),
            ("{a", "a `{`"),
            ("a}", "a `}`"),
            ("a\\", "a `\\`"),
        ] {
            assert!(Glob::new(pattern).unwrap_err().starts_with(expected), "{pattern}");
        }
        assert_eq!(Glob::new(&"{a,b}".repeat(20)).unwrap_err(), "too many alternatives");
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let glob = Glob::new(&"*a".repeat(200)).unwrap();
        assert!(!glob.matches(&"a".repeat(199)));
        let glob = Glob::new(&"**/a/".repeat(100)).unwrap();
        assert!(!glob.matches(&"a/".repeat(99)));
    }
}
