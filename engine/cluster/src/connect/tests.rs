use std::fs;

use proptest::prelude::*;

use super::*;

const PLAIN: &str = "apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: 'https://c.example:6443'}}]
users: [{name: u, user: {token: secret-token}}]
contexts: [{name: a, context: {cluster: c, user: u, namespace: shop}}, {name: b, context: {cluster: c, user: u}}]
";

async fn open(text: &str) -> Result<Connection, ConnectError> {
    let access = Access::Text {
        text: text.to_owned(),
        context: None,
    };
    Connection::open(&access, Limits::default()).await
}

#[tokio::test]
async fn a_plain_kubeconfig_connects() {
    let connection = open(PLAIN).await.unwrap();
    assert_eq!(
        (connection.server(), connection.default_namespace()),
        ("https://c.example:6443", "shop")
    );
    assert!(!format!("{connection:?}").contains("secret-token"));
}

#[tokio::test]
async fn what_a_secret_must_not_say_is_named() {
    let cases = [
        (
            "token: secret-token",
            "exec: {command: /bin/sh, apiVersion: v1}",
            "users[0].user.exec",
        ),
        (
            "token: secret-token",
            "auth-provider: {name: gcp}",
            "users[0].user.auth-provider",
        ),
        (
            "token: secret-token",
            "tokenFile: /var/run/secrets/token",
            "users[0].user.tokenFile",
        ),
        (
            "token: secret-token",
            "client-certificate: /etc/passwd",
            "users[0].user.client-certificate",
        ),
        (
            "token: secret-token",
            "client-key: /etc/passwd",
            "users[0].user.client-key",
        ),
        ("token: secret-token", "as: system:admin", "users[0].user.as"),
        ("token: secret-token", "x-new: 1", "users[0].user.x-new"),
        (
            "server: 'https://c.example:6443'",
            "server: 'https://c', certificate-authority: /etc/passwd",
            "clusters[0].cluster.certificate-authority",
        ),
        (
            "server: 'https://c.example:6443'",
            "server: 'https://c', proxy-url: 'http://p'",
            "clusters[0].cluster.proxy-url",
        ),
        (
            "server: 'https://c.example:6443'",
            "server: 'https://c', insecure-skip-tls-verify: true",
            "clusters[0].cluster.insecure-skip-tls-verify",
        ),
        (
            "server: 'https://c.example:6443'",
            "server: 'http://c'",
            "clusters[0].cluster.server",
        ),
        (
            "server: 'https://c.example:6443'",
            "server: 'https://u:p@c'",
            "clusters[0].cluster.server",
        ),
        ("kind: Config", "kind: Config\nplugins: [a]", "plugins"),
    ];
    for (from, to, field) in cases {
        let text = PLAIN.replace(from, to);
        assert_ne!(text, PLAIN, "{from}");
        let error = open(&text).await.unwrap_err();
        let ConnectError::Hostile(Hostile::Field { field: named, .. }) = &error else {
            panic!("{to}: {error:?}");
        };
        assert_eq!(named, field);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn what_says_nothing_is_let_pass() {
    let text = PLAIN.replace("token: secret-token", "token: t, exec: null, as: '', as-groups: []");
    open(&text).await.unwrap();
    let text = PLAIN.replace(
        "{server: 'https://c.example:6443'}",
        "{server: 'https://c', insecure-skip-tls-verify: false}",
    );
    open(&text).await.unwrap();
}

#[tokio::test]
async fn damage_is_told_without_quoting() {
    for text in [
        "token: [secret-token",
        "a",
        "",
        "a: 1\n---\nb: 1",
        "users: secret-token",
    ] {
        let error = open(text).await.unwrap_err();
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(next) = cause {
            words += &next.to_string();
            cause = next.source();
        }
        assert!(!words.contains("secret-token"), "{words}");
    }
    let large = format!("{PLAIN}# {}", "a".repeat(MAX_KUBECONFIG));
    assert!(open(&large).await.is_err());
}

#[tokio::test]
async fn files_are_merged_and_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("b"));
    fs::write(folder.path().join("token"), "from-a-file").unwrap();
    fs::write(&first, PLAIN.replace("token: secret-token", "tokenFile: token")).unwrap();
    fs::write(
        &second,
        PLAIN
            .replace("https://c.example:6443", "https://other")
            .replace("name: a", "name: z"),
    )
    .unwrap();
    let access = |context: Option<&str>| Access::Files {
        paths: vec![folder.path().join("absent"), first.clone(), second.clone()],
        context: context.map(str::to_owned),
    };
    let connection = Connection::open(&access(None), Limits::default()).await.unwrap();
    // What stands first holds, as with kubectl.
    assert_eq!(connection.server(), "https://c.example:6443");
    assert_eq!(
        Connection::open(&access(Some("b")), Limits::default())
            .await
            .unwrap()
            .default_namespace(),
        "default"
    );
    let error = Connection::open(&access(Some("none")), Limits::default())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the kubeconfig's context `none` can't be used");
    let none = Access::Files {
        paths: vec![folder.path().join("absent")],
        context: None,
    };
    assert!(matches!(
        Connection::open(&none, Limits::default()).await,
        Err(ConnectError::NoFile { .. })
    ));
}

#[tokio::test]
async fn who_acts_as_another_impersonates_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, PLAIN.replace("token: secret-token", "token: t, as: jane")).unwrap();
    let access = Access::Files {
        paths: vec![path],
        context: None,
    };
    let connection = Connection::open(&access, Limits::default()).await.unwrap();
    connection.admits(&Actor::Own).unwrap();
    let actor = Actor::service_account("shop", "deployer").unwrap();
    assert!(matches!(connection.admits(&actor), Err(ConnectError::ActsAsAnother)));
    assert!(connection.headers_of(&actor).is_err());
}

#[tokio::test]
async fn watches_share_connections_up_to_a_number() {
    let connection = open(PLAIN).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..=WATCHES_PER_LANE {
        held.push(connection.lane().await.unwrap());
    }
    assert_eq!(connection.inner.lanes.lock().unwrap().len(), 2);
    held.clear();
    let _again = connection.lane().await.unwrap();
    assert_eq!(connection.inner.lanes.lock().unwrap().len(), 2);
}

proptest! {
    /// Whatever stands where in a kubeconfig that is let pass, nothing of it names a program, a file or a proxy.
    #[test]
    fn what_is_let_pass_names_no_program_file_or_proxy(
        field in "exec|auth-provider|tokenFile|client-certificate|client-key|certificate-authority|proxy-url|as|token|EXEC|x",
        value in "null|''|[a-z/]{1,8}|\\{command: a, apiVersion: v1\\}|\\[a\\]|true",
        place in 0usize..4,
    ) {
        let places = ["token: secret-token", "server: 'https://c.example:6443'", "namespace: shop", "kind: Config"];
        let sign = if place == 3 { '\n' } else { ',' };
        let text = PLAIN.replace(places[place], &format!("{}{sign} {field}: {value}", places[place]).replace("\n ", "\n"));
        if let Ok(kubeconfig) = kubeconfig::hostile(&text) {
            for user in kubeconfig.auth_infos.iter().filter_map(|user| user.auth_info.as_ref()) {
                prop_assert!(user.exec.is_none() && user.auth_provider.is_none() && user.token_file.is_none());
                prop_assert!(user.client_certificate.is_none() && user.client_key.is_none() && user.impersonate.is_none());
                prop_assert!(user.other.is_empty());
            }
            for cluster in kubeconfig.clusters.iter().filter_map(|cluster| cluster.cluster.as_ref()) {
                prop_assert!(cluster.certificate_authority.is_none() && cluster.proxy_url.is_none());
                prop_assert!(cluster.other.is_empty() && cluster.insecure_skip_tls_verify.is_none());
            }
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[ -~\n]{0,200}") {
        // A panic would be the failure.
        let _ = kubeconfig::hostile(&text);
    }
}
