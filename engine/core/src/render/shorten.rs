//! Findings of bounded size: a template can fail with a message of a gigabyte.

use super::{Diagnostic, Location};

/// Stands where a text was cut.
const CUT: &str = " […]";

impl Diagnostic {
    /// Bytes of all texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let related = self.related.iter().map(|(at, word)| at.bytes() + word.len());
        let extra = self.extra.iter().map(|(key, value)| key.len() + value.len());
        let own = self.code.len() + self.message.len() + self.at.bytes() + self.help.as_ref().map_or(0, String::len);
        own + related.sum::<usize>() + extra.sum::<usize>()
    }

    /// The same with at most about `most` bytes of texts: the message keeps three quarters, what does not fit at all is left out.
    #[must_use]
    pub fn shortened(mut self, most: usize) -> Self {
        if self.bytes() <= most {
            return self;
        }
        let mut left = most;
        shorten(&mut self.code, &mut left);
        self.at.shorten(&mut left);
        let mut message = left - left / 4;
        left -= message;
        shorten(&mut self.message, &mut message);
        left += message;
        if let Some(help) = &mut self.help {
            shorten(help, &mut left);
        }
        self.related.retain_mut(|(at, word)| {
            at.shorten(&mut left);
            shorten(word, &mut left);
            left > 0
        });
        self.extra.retain_mut(|(key, value)| {
            shorten(key, &mut left);
            shorten(value, &mut left);
            left > 0
        });
        self
    }
}

impl Location {
    fn bytes(&self) -> usize {
        match self {
            Self::None | Self::Document { .. } => 0,
            Self::File(file) => file.source.len() + file.path.len(),
            Self::Object { pointer, .. } | Self::Config { pointer } => pointer.len(),
        }
    }

    fn shorten(&mut self, left: &mut usize) {
        match self {
            Self::None | Self::Document { .. } => {}
            Self::File(file) => {
                shorten(&mut file.source, left);
                shorten(&mut file.path, left);
            }
            Self::Object { pointer, .. } | Self::Config { pointer } => shorten(pointer, left),
        }
    }
}

/// Cuts a text to what is left, and takes it from there.
pub fn shorten(text: &mut String, left: &mut usize) {
    if text.len() > *left {
        text.truncate(text.floor_char_boundary(left.saturating_sub(CUT.len())));
        text.push_str(CUT);
        text.shrink_to_fit();
        *left = 0;
    } else {
        *left -= text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::file_at;

    #[test]
    fn what_fits_stays_as_it_is() {
        let finding = Diagnostic::error("a", "message", Location::File(file_at("x"))).with_help("help");
        assert_eq!(finding.bytes(), 1 + 7 + 1 + 4);
        assert_eq!(finding.clone().shortened(13), finding);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_left_out() {
        let mut finding = Diagnostic::error("code", "ä".repeat(1_000), Location::File(file_at("path")));
        finding.help = Some("help".to_owned());
        finding.related = vec![(Location::File(file_at(&"p".repeat(500))), "word".to_owned()); 100];
        finding.extra = vec![("key".to_owned(), "value".to_owned()); 100];
        let short = finding.shortened(400);
        assert!(short.bytes() <= 400 + 2 * CUT.len(), "{}", short.bytes());
        assert_eq!(
            (short.code.as_str(), &short.at),
            ("code", &Location::File(file_at("path")))
        );
        assert!(
            short.message.ends_with(CUT) && short.message.len() > 250,
            "{}",
            short.message
        );
        assert_eq!(short.help.as_deref(), Some("help"));
        assert!(short.related.is_empty() && short.extra.is_empty());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        for left in 0..20 {
            let mut text = "ä€😀x".repeat(10);
            shorten(&mut text, &mut left.clone());
            assert!(text.len() <= left.max(CUT.len()), "{left}: {text}");
        }
    }
}
