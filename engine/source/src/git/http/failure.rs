//! What a failed request means: whose fault it is, by what lies behind the error.

use std::io;

use crate::error::Error;

/// The TLS failure behind an error of an HTTP client, if that is what it is: I/O errors hide what they carry from `source`.
#[must_use]
pub fn tls_failure<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let inner = carried.and_then(|carried| tls_failure(carried));
    inner.or_else(|| error.source().and_then(tls_failure))
}

/// Alerts that a server sends for what we showed of ourselves; our own verdict on its certificate is no alert received.
pub(super) const fn is_about_client(error: &rustls::Error) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                // Its signature or its issuer's does not hold: an issuer of the same name with another key.
                | Alert::DecryptError
        )
    )
}

/// What a proxy did, by the words of the connector: it has no types for it.
pub(super) fn failed_proxy(url: String, proxy: String, error: reqwest::Error) -> Error {
    let text = chain(&error);
    let says = |part: &str| text.contains(part);
    let (reason, transient) = match () {
        () if error.is_timeout() => ("does not answer", true),
        () if says("proxy authorization required") => ("asks for credentials, or does not accept those given", false),
        () if says("tunnel error: unsuccessful") => ("refuses to connect there", false),
        () if says("failed to create underlying connection") || says("tcp connect error") || says("dns error") => {
            ("can't be reached", true)
        }
        () => ("breaks the connection off", true),
    };
    Error::Proxy {
        url,
        proxy,
        reason,
        transient,
        source: error.into(),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| (*e).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
