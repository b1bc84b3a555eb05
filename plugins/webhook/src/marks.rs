//! `${secret:NAME}` in the configuration becomes a mark that the host replaces. A mark begins and ends with a character that the
//! event doesn't hold: a message that quotes `${secret:NAME}` from a repository stays a message.

use windlass_sdk::http::{Encoding, Substitution};

/// How a secret begins in the configuration.
const BEGIN: &str = "${secret:";

/// Marks given out so far.
pub(crate) struct Marks {
    edge: char,
    given: Vec<Substitution>,
}

impl Marks {
    /// For a message that holds nothing but these texts.
    pub(crate) fn for_texts(texts: &[&str]) -> Result<Self, String> {
        // Private characters; none of them means anything to anybody.
        let edge = ('\u{e000}'..='\u{f8ff}').find(|c| !texts.iter().any(|text| text.contains(*c)));
        let edge = edge.ok_or("the event holds every private character there is")?;
        Ok(Self {
            edge,
            given: Vec::new(),
        })
    }

    /// The text with marks for its secrets. `encoding`: by whether the secret stands at the beginning of the text.
    pub(crate) fn put(&mut self, text: &str, encoding: impl Fn(bool) -> Encoding) -> Result<String, String> {
        let mut marked = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let Some((name, behind)) = after.split_once('}').filter(|(name, _)| is_name(name)) else {
                return Err(format!("`{BEGIN}` is not followed by a name and `}}`"));
            };
            marked.push_str(before);
            let at_the_beginning = marked.is_empty();
            marked.push_str(&self.mark(name, encoding(at_the_beginning)));
            rest = behind;
        }
        marked.push_str(rest);
        Ok(marked)
    }

    fn mark(&mut self, secret: &str, encoding: Encoding) -> String {
        let known = self
            .given
            .iter()
            .find(|one| one.secret == secret && one.encoding == encoding);
        if let Some(known) = known {
            return known.placeholder.clone();
        }
        let mark = format!("{edge}{}{edge}", self.given.len(), edge = self.edge);
        self.given.push(Substitution {
            placeholder: mark.clone(),
            secret: secret.to_owned(),
            encoding,
        });
        mark
    }

    /// What the host is to replace.
    pub(crate) fn substitutions(self) -> Vec<Substitution> {
        self.given
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty() && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(_: bool) -> Encoding {
        Encoding::Raw
    }

    #[test]
    fn secrets_become_marks_once_per_encoding() {
        let mut marks = Marks::for_texts(&["\u{e000}"]).unwrap();
        let url = |first| if first { Encoding::Raw } else { Encoding::UrlComponent };
        assert_eq!(
            marks.put("${secret:base}/x/${secret:a}", url).unwrap(),
            "\u{e001}0\u{e001}/x/\u{e001}1\u{e001}"
        );
        assert_eq!(
            marks.put("a ${secret:a} $ {x}", raw).unwrap(),
            "a \u{e001}2\u{e001} $ {x}"
        );
        assert_eq!(marks.put("${secret:base}", raw).unwrap(), "\u{e001}0\u{e001}");
        let given = marks.substitutions();
        let told: Vec<_> = given.iter().map(|one| (one.secret.as_str(), one.encoding)).collect();
        assert_eq!(
            told,
            [
                ("base", Encoding::Raw),
                ("a", Encoding::UrlComponent),
                ("a", Encoding::Raw)
            ]
        );
    }

    #[test]
    fn what_is_no_name_is_told() {
        let mut marks = Marks::for_texts(&[]).unwrap();
        for bad in ["${secret:}", "${secret:a", "${secret:a b}", "${secret:${secret:a}}"] {
            let error = marks.put(bad, raw).unwrap_err();
            assert!(error.contains("not followed by a name"), "{bad}: {error}");
        }
    }
}
