//! Random values that are the same for the same installation and app, and can't be guessed without its secret.
//!
//! The engine draws them and hands words to the worker, never a key: a worker that a plugin has taken over learns what
//! that app's templates draw, and nothing of what another app's will.

use std::fmt;

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use windlass_core::{digest::Digest, render::AppNames};

/// Words handed out per question: a 2,048-bit number takes 32, an RSA key some thousand.
const WORDS: usize = 64;

/// The key of one app's random streams.
#[derive(Clone, PartialEq, Eq)]
pub struct EntropyKey([u8; 32]);

impl fmt::Debug for EntropyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EntropyKey(…)")
    }
}

impl EntropyKey {
    /// A key as it is; for tests and for derived keys kept elsewhere.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What a trace records of it: tells keys apart and gives none away.
    #[must_use]
    pub fn fact(&self) -> Digest {
        Digest::from(hmac(&self.0, &[b"windlass.dev/entropy/fact/v1"]))
    }
}

/// The key of an app: of the installation's secret and the app's own identity. Neither revision nor plugin nor target
/// namespace enter, so that none of them rotates a password.
#[must_use]
pub fn app_key(secret: &[u8; 32], app: &AppNames) -> EntropyKey {
    EntropyKey(hmac(
        secret,
        &[
            b"windlass.dev/entropy/app/v1",
            app.namespace.as_bytes(),
            app.name.as_bytes(),
        ],
    ))
}

/// HMAC-SHA256 over parts, each preceded by its length, so that no two lists of parts collide.
pub(crate) fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HMAC pads a short key with zeros to the block of its hash.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    Hmac::new(&block.into())
}

/// The current stream of a call.
pub(crate) struct Stream {
    key: EntropyKey,
    current: ChaCha20Rng,
}

impl Stream {
    pub(crate) fn new(key: EntropyKey) -> Self {
        let current = ChaCha20Rng::from_seed(hmac(&key.0, &[b"windlass.dev/entropy/base/v1"]));
        Self { key, current }
    }

    /// Restarts the stream under a label.
    pub(crate) fn fork(&mut self, label: &str) {
        let seed = hmac(&self.key.0, &[b"windlass.dev/entropy/fork/v1", label.as_bytes()]);
        self.current = ChaCha20Rng::from_seed(seed);
    }

    /// The next words.
    pub(crate) fn words(&mut self) -> Vec<u64> {
        (0..WORDS).map(|_| self.current.next_u64()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(namespace: &str, name: &str) -> AppNames {
        AppNames {
            namespace: namespace.into(),
            name: name.into(),
            target_namespace: "x".into(),
        }
    }

    #[test]
    fn apps_and_installations_have_keys_of_their_own() {
        let key = app_key(&[1; 32], &app("a", "bc"));
        assert_eq!(
            key,
            app_key(
                &[1; 32],
                &AppNames {
                    target_namespace: "y".into(),
                    ..app("a", "bc")
                }
            )
        );
        assert_ne!(key, app_key(&[1; 32], &app("ab", "c")));
        assert_ne!(key, app_key(&[2; 32], &app("a", "bc")));
    }

    #[test]
    fn a_label_restarts_its_own_stream() {
        let mut stream = Stream::new(EntropyKey::new([7; 32]));
        let base = stream.words();
        stream.fork("one");
        let one = stream.words();
        stream.fork("two");
        let two = stream.words();
        stream.fork("one");
        assert_eq!(stream.words(), one);
        assert!(base != one && one != two);
    }

    #[test]
    fn the_fact_is_not_the_key() {
        let key = EntropyKey::new([7; 32]);
        assert_ne!(key.fact().as_bytes(), &[7; 32]);
        assert_ne!(key.fact(), EntropyKey::new([8; 32]).fact());
        assert_eq!(format!("{key:?}"), "EntropyKey(…)");
    }
}
