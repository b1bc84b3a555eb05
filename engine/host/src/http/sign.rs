//! Signatures by HMAC, over the body as it is sent.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};
use windlass_core::digest::hex;

use super::{denied, secrets::Secrets};
use crate::protocol::{HttpError, Signing};

/// Name and value of the header.
///
/// `sha1` is refused: it is not broken as a MAC, but every receiver that is known to want it takes `sha256` too (GitHub's format
/// has both headers), and one that can only check the older is better told than pleased.
pub(super) fn sign(secrets: &Secrets, signing: &Signing, body: &[u8]) -> Result<(String, String), HttpError> {
    let key = secrets.get(&signing.secret)?.as_bytes();
    let code = match signing.algorithm.as_str() {
        "sha256" => code::<Hmac<Sha256>>(key, body)?,
        "sha512" => code::<Hmac<Sha512>>(key, body)?,
        other => {
            let other = other.escape_debug();
            return Err(denied(format!(
                "the signature's algorithm is `{other}`: use `sha256` or `sha512`"
            )));
        }
    };
    if signing.prefix.bytes().any(|b| b.is_ascii_control()) {
        return Err(denied("the signature's prefix holds a control character"));
    }
    Ok((signing.header.to_ascii_lowercase(), format!("{}{code}", signing.prefix)))
}

/// In hexadecimal digits.
fn code<M: Mac + KeyInit>(key: &[u8], body: &[u8]) -> Result<String, HttpError> {
    let mac = <M as KeyInit>::new_from_slice(key).map_err(|_| denied("the secret is no key to sign with"))?;
    Ok(hex(&mac.chain_update(body).finalize().into_bytes()))
}
