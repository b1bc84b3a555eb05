//! What a Repository logs in with: files of this machine, or a Secret of its namespace. Read anew for each question, so that one that was
//! rotated counts.

use windlass_core::config::{AuthSpec, ProxySpec, SecretRef};
use windlass_source::git::{Auth, ClientCertificate, Proxy, Remote, Tls};

use super::{Sources, groups::Slot};
use crate::{
    secrets::{self, Contents, SecretError},
    stop::{Stop, chain},
};

/// Of an error about a Secret.
fn stop(error: SecretError) -> Stop {
    error
        .stop("source")
        .help("see `kubectl explain repository.spec.auth.secretRef`")
}

/// Two keys of a Secret that belong together; none of them: `None`.
fn pair(secret: &Contents, [one, other]: [&str; 2]) -> Result<Option<(String, String)>, Stop> {
    match (secret.text(one).map_err(stop)?, secret.text(other).map_err(stop)?) {
        (None, None) => Ok(None),
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, Some(_)) => Err(stop(secret.lacks(one))),
        (Some(_), None) => Err(stop(secret.lacks(other))),
    }
}

fn without_line_feed(text: &str) -> String {
    text.trim_end_matches(['\r', '\n']).to_owned()
}

/// Who we are to the server, by what a Secret holds.
fn auth_of(secret: &Contents) -> Result<Auth, Stop> {
    if let Some(token) = secret.text("token").map_err(stop)? {
        return Ok(Auth::Bearer {
            token: without_line_feed(&token),
        });
    }
    if let Some((username, password)) = pair(secret, ["username", "password"])? {
        return Ok(Auth::Basic {
            username: without_line_feed(&username),
            password: without_line_feed(&password),
        });
    }
    match pair(secret, ["ssh-privatekey", "known_hosts"])? {
        Some((private_key, known_hosts)) => Ok(Auth::Ssh {
            private_key,
            known_hosts,
        }),
        None => Ok(Auth::None),
    }
}

/// Whom to trust, and what is shown to a server that asks, by what a Secret holds.
fn tls_of(secret: &Contents) -> Result<Tls, Stop> {
    let client = pair(secret, ["tls.crt", "tls.key"])?;
    Ok(Tls {
        ca_pem: secret.text("ca.crt").map_err(stop)?,
        client: client.map(|(certificate_pem, key_pem)| ClientCertificate {
            certificate_pem,
            key_pem,
        }),
    })
}

impl Sources {
    /// How a repository is reached.
    pub(super) async fn remote(&self, slot: &Slot) -> Result<Remote, Stop> {
        let spec = &slot.spec;
        let url = self.url(&spec.git.url);
        let secret = spec.auth.as_ref().and_then(|auth| auth.secret_ref.as_ref());
        let remote = if let Some(secret) = secret {
            let contents = self.secret(slot, secret).await?;
            let (auth, tls) = (auth_of(&contents)?, tls_of(&contents)?);
            if auth == Auth::None && tls == Tls::default() {
                let text = format!(
                    "Secret `{}/{}` holds nothing that a repository asks for",
                    slot.namespace, secret.name
                );
                return Err(Stop::of("source", &std::io::Error::other(text)).help(
                    "it takes `username` with `password`, `token`, `ssh-privatekey` with `known_hosts`, `tls.crt` with `tls.key`, or `ca.crt`",
                ));
            }
            let remote = Remote::new(&url, auth, tls).map_err(|e| Stop::of("source", &e))?;
            // A token that is renewed keeps its mirror.
            remote.with_identity(&format!("secret {}/{}", slot.namespace, secret.name))
        } else {
            let auth = spec.auth.as_ref().map_or(Ok(Auth::None), |auth| self.auth(auth))?;
            let client = spec.auth.as_ref().map_or(Ok(None), |auth| self.client(auth))?;
            let ca_pem = spec.git.ca_file.as_ref().map(|file| self.read(file)).transpose()?;
            Remote::new(&url, auth, Tls { ca_pem, client }).map_err(|e| Stop::of("source", &e))?
        };
        let remote = remote.with_max_size(Some(slot.group.max_size));
        match &spec.proxy {
            Some(proxy) => remote
                .with_proxy(self.proxy(slot, proxy).await?)
                .map_err(|e| Stop::of("source", &e)),
            None => self.proxies.on_the_way(remote),
        }
    }

    /// What a Secret of the Repository's namespace holds.
    pub(super) async fn secret(&self, slot: &Slot, secret: &SecretRef) -> Result<Contents, Stop> {
        let contents = secrets::read(self.home.as_ref(), &slot.namespace, secret).await;
        contents.map_err(stop)
    }

    async fn proxy(&self, slot: &Slot, spec: &ProxySpec) -> Result<Proxy, Stop> {
        let credentials = match (&spec.secret_ref, &spec.username, &spec.password_file) {
            (Some(secret), ..) => {
                let contents = self.secret(slot, secret).await?;
                let line = |key| contents.line(key).map_err(stop);
                Some((line("username")?, line("password")?))
            }
            (None, Some(username), Some(file)) => Some((username.clone(), self.line(file)?)),
            _ => None,
        };
        Proxy::new(&spec.url, credentials, &spec.no_proxy).map_err(|reason| {
            let text = format!("spec.proxy.url can't be used: {reason}");
            Stop::of("source", &std::io::Error::other(text))
        })
    }

    fn auth(&self, spec: &AuthSpec) -> Result<Auth, Stop> {
        let basic = spec.username.as_ref().zip(spec.password_file.as_ref());
        let ssh = spec.ssh_key_file.as_ref().zip(spec.known_hosts_file.as_ref());
        match (&spec.token_file, basic, ssh) {
            (Some(file), ..) => Ok(Auth::Bearer {
                token: self.line(file)?,
            }),
            (None, Some((username, file)), _) => Ok(Auth::Basic {
                username: username.clone(),
                password: self.line(file)?,
            }),
            (None, None, Some((key, hosts))) => Ok(Auth::Ssh {
                private_key: self.read(key)?,
                known_hosts: self.read(hosts)?,
            }),
            _ => Ok(Auth::None),
        }
    }

    fn client(&self, spec: &AuthSpec) -> Result<Option<ClientCertificate>, Stop> {
        let files = spec.client_certificate_file.as_ref().zip(spec.client_key_file.as_ref());
        let Some((certificate, key)) = files else {
            return Ok(None);
        };
        Ok(Some(ClientCertificate {
            certificate_pem: self.read(certificate)?,
            key_pem: self.read(key)?,
        }))
    }

    /// A secret of one line.
    fn line(&self, file: &str) -> Result<String, Stop> {
        self.read(file).map(|text| without_line_feed(&text))
    }

    fn read(&self, file: &str) -> Result<String, Stop> {
        let path = self.base.join(file);
        std::fs::read_to_string(&path).map_err(|e| {
            let text = format!("`{}` can't be read: {}", path.display(), chain(&e));
            Stop::of("source", &std::io::Error::other(text))
        })
    }
}
