//! Signatures of ssh keys, and lists as `ssh-keygen` knows them.

use jiff::{civil::DateTime, tz::TimeZone};
use ssh_key::{HashAlg, PublicKey, SshSig};
use windlass_core::moment;

use super::{Flaw, Keys, SignedObject, at, keys::Wrong, malformed};

/// What git signs for.
const NAMESPACE: &str = "git";

/// A line of a list: a key, and when it counts.
#[derive(Debug)]
pub(super) struct Allowed {
    key: PublicKey,
    /// Whose: the principals of an `allowed_signers` line, or the comment of a public key.
    name: String,
    /// Seconds.
    after: Option<i64>,
    before: Option<i64>,
    /// Absent = any.
    namespaces: Option<Vec<String>>,
}

/// Checks a signature. Answers the key's fingerprint and whose it is.
pub(super) fn verify(object: &SignedObject, keys: &Keys) -> Result<(String, String), Flaw> {
    let signature = SshSig::from_pem(object.signature.trim()).map_err(malformed)?;
    let id = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
    let key = || id.clone();
    let is_it = |allowed: &&Allowed| allowed.key.key_data() == signature.public_key();
    let known: Vec<&Allowed> = keys.ssh.iter().filter(is_it).collect();
    if known.is_empty() {
        return Err(Flaw::UnknownKey {
            key: key(),
            known: keys.len(),
        });
    }
    if signature.namespace() != NAMESPACE {
        let namespace = signature.namespace().escape_debug().to_string();
        return Err(Flaw::Namespace { key: key(), namespace });
    }
    let signed_by = PublicKey::from(signature.public_key().clone());
    signed_by
        .verify(NAMESPACE, &object.payload, &signature)
        .map_err(|_| Flaw::Mismatch { key: key() })?;
    // A key may stand there several times, for example with another time each.
    let mut flaw = Flaw::Mismatch { key: key() };
    for allowed in known {
        match allowed.counts(object.time) {
            Ok(()) => return Ok((id, allowed.name.clone())),
            Err(Refused::Time(validity)) => {
                flaw = Flaw::Expired {
                    key: key(),
                    at: at(object.time),
                    validity,
                };
            }
            Err(Refused::Namespaces(list)) => {
                flaw = Flaw::Weak {
                    key: key(),
                    method: format!("a key that the list has for `{list}` only"),
                };
            }
        }
    }
    Err(flaw)
}

/// Why a line does not count.
enum Refused {
    Time(String),
    Namespaces(String),
}

impl Allowed {
    /// Whether it counts for something that was signed then.
    fn counts(&self, time: i64) -> Result<(), Refused> {
        if let Some(namespaces) = &self.namespaces
            && !namespaces.iter().any(|name| name == NAMESPACE || name == "*")
        {
            return Err(Refused::Namespaces(namespaces.join(",")));
        }
        if let Some(after) = self.after.filter(|after| time < *after) {
            return Err(Refused::Time(format!("counts only from {}", moment::text(at(after)))));
        }
        if let Some(before) = self.before.filter(|before| time >= *before) {
            return Err(Refused::Time(format!(
                "counted only until {}",
                moment::text(at(before))
            )));
        }
        Ok(())
    }

    /// Reads a list.
    pub(super) fn read(text: &str) -> Result<Vec<Self>, Wrong> {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !matches!(line.trim_start().as_bytes().first(), None | Some(b'#')));
        lines
            .map(|(number, line)| Self::line(line.trim()).map_err(|reason| (Some(number + 1), reason)))
            .collect()
    }

    fn line(line: &str) -> Result<Self, String> {
        let (first, rest) = word(line)?;
        if is_kind(first) {
            let key = key(line)?;
            let name = key.comment().to_owned();
            return Ok(Self::new(key, name));
        }
        let principals = first.trim_matches('"').to_owned();
        let (second, after) = word(rest)?;
        if is_kind(second) {
            return Ok(Self::new(key(rest)?, principals));
        }
        let mut allowed = Self::new(key(after)?, principals);
        for option in options(second)? {
            allowed.restrict(&option)?;
        }
        Ok(allowed)
    }

    const fn new(key: PublicKey, name: String) -> Self {
        Self {
            key,
            name,
            after: None,
            before: None,
            namespaces: None,
        }
    }

    fn restrict(&mut self, option: &str) -> Result<(), String> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let value = value.trim_matches('"');
        match name.to_ascii_lowercase().as_str() {
            "valid-after" => self.after = Some(time(value)?),
            "valid-before" => self.before = Some(time(value)?),
            "namespaces" => {
                let names: Vec<String> = value.split(',').map(str::to_owned).collect();
                if names.iter().any(|name| name != "*" && name.contains(['*', '?', '!'])) {
                    return Err("`namespaces` takes names and `*`, no patterns".to_owned());
                }
                self.namespaces = Some(names);
            }
            "cert-authority" => {
                return Err("certificates (`cert-authority`) are not supported: list the keys themselves".to_owned());
            }
            other => {
                let other = other.escape_debug();
                return Err(format!(
                    "`{other}` is neither a kind of key nor an option that is known"
                ));
            }
        }
        Ok(())
    }
}

/// Kinds of keys by the beginnings of their names; what an option of a list never begins with.
fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|kind| word.starts_with(kind))
}

fn key(text: &str) -> Result<PublicKey, String> {
    PublicKey::from_openssh(text).map_err(|error| {
        format!("no usable public key stands there ({error}): write `ssh-ed25519 AAAA… NAME`, or `PRINCIPAL ssh-ed25519 AAAA…`")
    })
}

/// The first word, and what comes after it. Blanks in quotes are part of it.
fn word(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim_start();
    let mut is_quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => is_quoted = !is_quoted,
            _ if character.is_whitespace() && !is_quoted => return Ok((&text[..at], text[at..].trim_start())),
            _ => {}
        }
    }
    if is_quoted {
        return Err("a quote is not closed".to_owned());
    }
    if text.is_empty() {
        return Err("no public key stands there: write `PRINCIPAL ssh-ed25519 AAAA…`".to_owned());
    }
    Ok((text, ""))
}

/// Options are parted by commas, but for those in quotes.
fn options(text: &str) -> Result<Vec<String>, String> {
    let mut options = vec![String::new()];
    let mut is_quoted = false;
    for character in text.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => options.push(String::new()),
            _ => options.last_mut().ok_or("no option")?.push(character),
        }
    }
    Ok(options)
}

/// `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with or without `Z`: UTC either way, for a machine's time zone is nobody's intent.
fn time(text: &str) -> Result<i64, String> {
    let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let words = || {
        format!(
            "`{}` is no time: write `YYYYMMDD` or `YYYYMMDDHHMMSS`, which is UTC",
            text.escape_debug()
        )
    };
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(words());
    }
    let padded = format!("{digits:0<14}");
    let parsed = DateTime::strptime("%Y%m%d%H%M%S", &padded).map_err(|_| words())?;
    let zoned = parsed.to_zoned(TimeZone::UTC).map_err(|_| words())?;
    Ok(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn one(line: &str) -> Allowed {
        Allowed::read(line).unwrap().remove(0)
    }

    #[test]
    fn lines_as_ssh_writes_them() {
        for (line, name) in [
            (KEY.to_owned(), ""),
            (format!("{KEY} ada@example.org"), "ada@example.org"),
            (format!("ada@example.org {KEY} at work"), "ada@example.org"),
            (
                format!("\"ada@example.org,bob@example.org\" {KEY}"),
                "ada@example.org,bob@example.org",
            ),
            (format!("  ada namespaces=\"git\" {KEY}"), "ada"),
            (
                format!("ada\tnamespaces=\"file,git\",valid-after=\"20240101\" {KEY}"),
                "ada",
            ),
        ] {
            let allowed = one(&line);
            assert_eq!(allowed.name, name, "{line}");
            assert!(allowed.counts(1_800_000_000).is_ok(), "{line}");
        }
        let several = format!("# those who may\n\nada {KEY}\n   # and\nbob {KEY}\n");
        assert_eq!(Allowed::read(&several).unwrap().len(), 2);
    }

    #[test]
    fn lines_that_can_not_be_used_are_told_by_number() {
        for (line, words) in [
            ("ada".to_owned(), "no public key stands there"),
            ("ssh-ed25519 AAAA".to_owned(), "no usable public key"),
            (format!("ada cert-authority {KEY}"), "certificates"),
            (format!("ada valid-after=\"soon\" {KEY}"), "`soon` is no time"),
            (format!("ada valid-before=\"20249901\" {KEY}"), "is no time"),
            (format!("ada namespaces=\"g*\" {KEY}"), "no patterns"),
            (format!("ada no-such-option {KEY}"), "`no-such-option` is neither"),
            (format!("\"ada {KEY}"), "quote is not closed"),
        ] {
            let (number, reason) = Allowed::read(&format!("\n{line}\n")).unwrap_err();
            assert_eq!(number, Some(2));
            assert!(reason.contains(words), "{line}: {reason}");
        }
    }

    #[test]
    fn when_a_line_counts() {
        let second = |text: &str| time(text).unwrap();
        assert_eq!(second("20240101"), 1_704_067_200);
        assert_eq!(second("202401010100Z"), 1_704_070_800);
        assert_eq!(second("20240101010001"), 1_704_070_801);
        let between = one(&format!("ada valid-after=\"20240101\",valid-before=\"20250101\" {KEY}"));
        assert!(between.counts(second("20231231235959")).is_err());
        assert!(between.counts(second("20240101")).is_ok());
        assert!(between.counts(second("20241231235959")).is_ok());
        assert!(between.counts(second("20250101")).is_err());
        assert!(one(&format!("ada namespaces=\"file\" {KEY}")).counts(0).is_err());
        assert!(one(&format!("ada namespaces=\"*\" {KEY}")).counts(0).is_ok());
    }
}
