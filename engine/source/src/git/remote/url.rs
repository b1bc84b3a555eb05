//! URLs of repositories: which forms there are, and what may not stand in them.

use std::net::IpAddr;

use gix::url::Scheme;

use crate::error::Error;

/// Parses a URL: https, http, ssh (also `user@host:path`) or file, without a secret in it.
pub(super) fn parse(url: &str) -> Result<gix::Url, Error> {
    let shown = without_userinfo(url);
    let refusal = |reason: &str| Error::Url {
        url: shown.clone(),
        reason: reason.to_owned(),
    };
    let refuse = |reason: &str| Err(refusal(reason));
    if !url.contains("://") && !is_scp(url) {
        return refuse("expected https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or file:///PATH");
    }
    if url.chars().any(|c| c.is_control() || c == '?' || c == '#') {
        return refuse("it has a query, a fragment or a control character");
    }
    let Ok(parsed) = gix::url::parse(gix::bstr::BStr::new(url)) else {
        return refuse("it is no URL");
    };
    let unsupported = |feature| {
        Err(Error::Unsupported {
            url: shown.clone(),
            feature,
        })
    };
    match parsed.scheme {
        Scheme::Https | Scheme::Http | Scheme::File | Scheme::Ssh => {}
        Scheme::Git => return unsupported("the unauthenticated git:// protocol"),
        _ => return unsupported("this URL scheme"),
    }
    let user = parsed.user().is_some() && parsed.scheme != Scheme::Ssh;
    if user || parsed.password().is_some() {
        return refuse("it holds credentials: put them into the auth of the repository");
    }
    if parsed.scheme == Scheme::File && parsed.host().is_some() {
        return refuse("a file:// URL has three slashes and no host");
    }
    if parsed.scheme == Scheme::Ssh {
        check_ssh(&parsed).map_err(refusal)?;
    }
    Ok(parsed)
}

/// `HOST:PATH` or `USER@HOST:PATH`, as scp has it: a colon before any slash.
fn is_scp(url: &str) -> bool {
    url.split_once(':')
        .is_some_and(|(host, path)| !host.is_empty() && !host.contains('/') && !path.is_empty())
}

/// What ssh would take for an option, or a shell for more than a word.
fn check_ssh(url: &gix::Url) -> Result<(), &'static str> {
    let (user, host) = (url.user().unwrap_or("git"), url.host().unwrap_or_default());
    let plain = |text: &str, more: &str| {
        !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_alphanumeric() || more.contains(c))
    };
    if !plain(host.trim_matches(['[', ']']), "-._:") {
        return Err("its host is no host name or address");
    }
    if !plain(user, "-._+") {
        return Err("its user has characters that no user name has");
    }
    if url.path.is_empty() || url.path.starts_with(b"-") {
        return Err("its path is empty or starts with `-`");
    }
    // `a:secret@host:x` is host `a` for scp: somebody meant a password.
    if url.path.contains(&b'@') && url.user().is_none() && url.serialize_alternative_form {
        return Err("it holds credentials: put them into the auth of the repository");
    }
    Ok(())
}

/// For messages only: drops whatever stands between `//` and the last `@` before the path, or before the last `@` of an scp form
/// with a colon in front of it.
pub(in crate::git) fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return match url.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => host.to_owned(),
            _ => url.to_owned(),
        };
    };
    let (host, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_in_both_forms() {
        let both = [
            ("git@h.example:a/b.git", Some("git"), None, "a/b.git"),
            ("h.example:a", None, None, "a"),
            ("ssh://ada@h.example:2222/srv/a", Some("ada"), Some(2222), "/srv/a"),
        ];
        for (text, user, port, path) in both {
            let url = parse(text).unwrap();
            assert_eq!((url.user(), url.host(), url.port), (user, Some("h.example"), port));
            assert_eq!(url.path, path.as_bytes());
        }
    }

    #[test]
    fn what_ssh_would_take_for_an_option_is_refused() {
        for text in [
            "-oProxyCommand=x:a",
            "ssh://-oProxyCommand=x/a",
            "ssh://-l@h/a",
            "git@h:-x",
            "ssh://a b@h/x",
            "ssh://git:s3cret@h/x",
            "git:s3cret@h:x",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn other_schemes_say_so() {
        for text in ["git://h/a", "ftp://h/a"] {
            assert!(
                parse(text).unwrap_err().to_string().contains("not supported yet"),
                "{text}"
            );
        }
        assert!(parse("/srv/x").unwrap_err().to_string().contains("file:///PATH"));
        assert!(parse("https://h/x?y=1").is_err() && parse("file://host/x").is_err());
    }
}
