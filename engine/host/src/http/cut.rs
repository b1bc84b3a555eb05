//! Secrets are cut out of what comes back.

use aho_corasick::AhoCorasick;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use windlass_core::digest::hex;

use super::{
    Incoming,
    substitute::{encoded, finder},
};
use crate::{
    limits,
    protocol::{Encoding, HttpHead},
};

/// Stands where a secret was.
pub(super) const CUT: &str = "[secret]";

/// Headers that aren't handed over: the length tells that of a secret.
const LEFT_OUT: [&str; 2] = ["content-length", "transfer-encoding"];

/// Finds secrets in all forms in which a receiver may repeat them.
pub(super) struct Cut {
    find: Option<AhoCorasick>,
    longest: usize,
}

impl Cut {
    /// For these secrets and this signature.
    pub(super) fn new<'a>(secrets: impl Iterator<Item = &'a str>, signature: Option<&str>) -> Self {
        let mut forms: Vec<Vec<u8>> = secrets.flat_map(forms).collect();
        forms.extend(signature.map(|text| text.as_bytes().to_vec()));
        forms.sort_unstable();
        forms.dedup();
        let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
        // A finder that can't be built finds nothing; then nothing may be handed over, see `bytes`.
        let find = finder(forms.iter().map(Vec::as_slice)).ok();
        Self { find, longest }
    }

    /// Bytes of the longest form: so much must be read beyond what is wanted, or the end of a secret is missed.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let Some(find) = &self.find else { return Vec::new() };
        let mut kept = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for found in find.find_iter(bytes) {
            kept.extend_from_slice(&bytes[from..found.start()]);
            kept.extend_from_slice(CUT.as_bytes());
            from = found.end();
        }
        kept.extend_from_slice(&bytes[from..]);
        kept
    }

    /// What of an answer a guest may see, at most `wanted` bytes of its body.
    pub(super) fn answer(&self, answer: Incoming, wanted: usize) -> (HttpHead, Vec<u8>) {
        let is_coded = answer
            .headers
            .iter()
            .any(|(name, value)| name == "content-encoding" && value != "identity");
        let mut truncated = answer.truncated;
        let mut body = answer.body;
        if is_coded {
            // Nobody asked for it, and nothing can be found in it.
            truncated |= !body.is_empty();
            body = Vec::new();
        }
        if truncated {
            // Its last bytes may be the beginning of a secret.
            let mut kept = self.bytes(&body);
            let tail = kept.len().min(self.longest.saturating_sub(1));
            kept.truncate(kept.len() - tail);
            body = kept;
        } else {
            body = self.bytes(&body);
        }
        truncated |= body.len() > wanted;
        body.truncate(wanted);
        let mut left = limits::RESPONSE_HEAD_BYTES;
        let headers = answer
            .headers
            .into_iter()
            .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        let headers = headers.map(|(name, value)| (self.text(&name), self.text(&value)));
        let fits = |(name, value): &(String, String)| {
            let size = name.len() + value.len() + 4;
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        };
        let head = HttpHead {
            status: answer.status,
            headers: headers.filter(fits).collect(),
            truncated,
        };
        (head, body)
    }
}

/// A secret as servers repeat it.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let json = encoded(secret, Encoding::JsonString);
    let url = encoded(secret, Encoding::UrlComponent);
    let mut forms = vec![
        secret.to_owned(),
        // As printers of JSON differ: PHP escapes slashes, Go what HTML reads, Python all that is not ASCII.
        json.replace('/', "\\/"),
        escaped(&json, |c| matches!(c, '<' | '>' | '&')),
        escaped(&json, |c| !c.is_ascii()),
        url.replace("%20", "+"),
        lower_escapes(&url),
        // As HTML writes it.
        html(secret),
        hex(secret.as_bytes()),
        hex(secret.as_bytes()).to_ascii_uppercase(),
        json,
        url,
    ];
    forms.extend(in_base64(secret.as_bytes()));
    forms.sort_unstable();
    forms.dedup();
    forms.into_iter().map(String::into_bytes).collect()
}

/// With `\uXXXX` for some characters.
fn escaped(json: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    for character in json.chars() {
        if is_escaped(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// `%2f` for `%2F`.
fn lower_escapes(url: &str) -> String {
    let mut digits = 0;
    let lowered = url.chars().map(|character| {
        let is_digit = digits > 0;
        digits = if character == '%' {
            2
        } else {
            digits - i32::from(is_digit)
        };
        if is_digit {
            character.to_ascii_lowercase()
        } else {
            character
        }
    });
    lowered.collect()
}

fn html(secret: &str) -> String {
    let text = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Within a longer text in Base64 (`user:secret` of basic authentication), by where in a group of three bytes it begins: the
/// characters that depend on nothing around it. In both alphabets.
fn in_base64(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3_usize {
        let bytes = [&[0; 2][..before.min(2)], secret].concat();
        let text = STANDARD_NO_PAD.encode(&bytes);
        let first = (before * 8).div_ceil(6);
        let last = bytes.len() * 8 / 6;
        if let Some(sure) = text.get(first..last) {
            forms.push(sure.to_owned());
            forms.push(sure.replace('+', "-").replace('/', "_"));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const SECRET: &str = "pä<s>/w \"rd?&+1'x";

    fn cut() -> Cut {
        Cut::new([SECRET].into_iter(), None)
    }

    #[test]
    fn every_form_is_found() {
        let url = encoded(SECRET, Encoding::UrlComponent);
        let python = "p\\u00e4<s>/w \\\"rd?&+1'x";
        let go = "pä\\u003cs\\u003e/w \\\"rd?\\u0026+1'x";
        let php = "pä<s>\\/w \\\"rd?&+1'x";
        let html = "p\u{e4}&lt;s&gt;/w &quot;rd?&amp;+1&#39;x";
        let mut texts = [
            SECRET,
            &encoded(SECRET, Encoding::JsonString),
            &url,
            python,
            go,
            php,
            html,
        ]
        .map(str::to_owned)
        .to_vec();
        texts.push(url.replace("%20", "+"));
        texts.push(lower_escapes(&url));
        texts.push(hex(SECRET.as_bytes()));
        texts.push(hex(SECRET.as_bytes()).to_uppercase());
        for text in texts {
            let found = cut().text(&format!("a{text}b"));
            assert_eq!(found, format!("a{CUT}b"), "{text}");
        }
    }

    #[test]
    fn a_secret_in_base64_is_found_wherever_it_begins() {
        for user in ["", "u:", "us:", "use:"] {
            for text in [
                STANDARD.encode(format!("{user}{SECRET}")),
                URL_SAFE.encode(format!("{user}{SECRET}!")),
            ] {
                let found = cut().text(&text);
                assert!(found.contains(CUT), "{user}: {found}");
                // What is left are bits of what stands around it.
                assert!(found.len() <= CUT.len() + user.len() * 2 + 4, "{user}: {found}");
            }
        }
    }

    #[test]
    fn an_answer_that_was_cut_off_ends_with_no_part_of_a_secret() {
        let secret = "0123456789abcdef";
        let cut = Cut::new([secret].into_iter(), None);
        for wanted in 0..60 {
            for before in 0..40 {
                let whole = format!("{}{secret}{}", "x".repeat(before), "y".repeat(200));
                let read = wanted + cut.longest();
                let answer = Incoming {
                    status: 200,
                    headers: Vec::new(),
                    body: whole.as_bytes()[..read].to_vec(),
                    truncated: true,
                };
                let (head, body) = cut.answer(answer, wanted);
                let text = String::from_utf8(body).unwrap();
                assert!(head.truncated && text.len() <= wanted);
                assert!(!text.contains("01"), "{wanted}, {before}: {text}");
            }
        }
    }

    /// What is cut out makes room for what was read beyond it.
    #[test]
    fn an_answer_full_of_secrets_ends_with_no_part_of_one() {
        let secret = "0123456789abcdef0123456789ABCDEF";
        let cut = Cut::new([secret].into_iter(), None);
        let whole = secret.repeat(100);
        for wanted in 0..400 {
            let answer = Incoming {
                status: 200,
                headers: Vec::new(),
                body: whole.as_bytes()[..wanted + cut.longest()].to_vec(),
                truncated: true,
            };
            let (_, body) = cut.answer(answer, wanted);
            let text = String::from_utf8(body).unwrap();
            assert!(!text.contains('0'), "{wanted}: {text}");
        }
    }

    #[test]
    fn headers_and_signature_are_cut_and_bounded() {
        let cut = Cut::new(["0123456789"].into_iter(), Some("sha256=feed"));
        let header = |name: &str, value: String| (name.to_owned(), value);
        let answer = Incoming {
            status: 500,
            headers: vec![
                header("x-echo", "Bearer 0123456789".into()),
                header("x-signature", "sha256=feed".into()),
                header("content-length", "10".into()),
                header("x-long", "l".repeat(limits::RESPONSE_HEAD_BYTES)),
            ],
            body: b"ok".to_vec(),
            truncated: false,
        };
        let (head, body) = cut.answer(answer, 100);
        assert_eq!(
            head.headers,
            [
                header("x-echo", format!("Bearer {CUT}")),
                header("x-signature", CUT.into())
            ]
        );
        assert_eq!((body.as_slice(), head.truncated), (&b"ok"[..], false));
    }

    #[test]
    fn an_answer_in_another_coding_is_withheld() {
        let answer = Incoming {
            status: 200,
            headers: vec![("content-encoding".into(), "gzip".into())],
            body: b"whatever".to_vec(),
            truncated: false,
        };
        let (head, body) = cut().answer(answer, 100);
        assert!(body.is_empty() && head.truncated);
    }
}
