//! Encrypts and authenticates entries: renders hold private keys, and a forged entry would be applied.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};

use crate::state::Secret;

/// The store's own key, derived from the installation's secret.
pub(super) struct Seal(hmac::Key);

impl Seal {
    pub(super) fn new(secret: &Secret) -> Self {
        let installation = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let own = hmac::sign(&installation, b"windlass.dev/renders/v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// A name that tells nothing: of a plain hash, whoever lists the folder could guess the config behind it.
    pub(super) fn name(&self, parts: &[&[u8]]) -> [u8; 16] {
        let tag = self.tag(b"name", parts);
        let mut name = [0; 16];
        name.copy_from_slice(&tag.as_ref()[..16]);
        name
    }

    /// Nonce, then ciphertext and tag. The key is the file's own, so random nonces can't run out.
    pub(super) fn close(&self, file: &[&[u8]], part: &'static [u8], mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let key = self.key(file)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(part), &mut bytes)
            .ok()?;
        Some([nonce.as_slice(), &bytes].concat())
    }

    /// `None` for what this installation did not write as this part of this file.
    pub(super) fn open(&self, file: &[&[u8]], part: &'static [u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = rest.to_vec();
        let key = self.key(file)?;
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(part), &mut bytes)
            .ok()?
            .len();
        bytes.truncate(length);
        Some(bytes)
    }

    fn key(&self, file: &[&[u8]]) -> Option<LessSafeKey> {
        let tag = self.tag(b"file", file);
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, tag.as_ref()).ok()?))
    }

    fn tag(&self, what: &[u8], parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [what].iter().chain(parts) {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        context.sign()
    }
}
