//! The way of a request through the host, with a network that is played.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use windlass_core::reach::Place;

use super::*;
use crate::protocol::{Encoding, Signing, Substitution};

/// What was asked of the network, and what it answers.
#[derive(Debug, Default)]
struct Played {
    names: BTreeMap<&'static str, Vec<&'static str>>,
    answers: Mutex<VecDeque<Incoming>>,
    asked: Mutex<Vec<Asked>>,
}

/// A request as it left.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    to: Vec<String>,
}

impl Sender for Played {
    fn resolve(&self, host: &str, _: Instant) -> Result<Vec<IpAddr>, Unsent> {
        let found = self.names.get(host).ok_or(Unsent::Dns)?;
        Ok(found.iter().map(|address| address.parse().unwrap()).collect())
    }

    fn exchange(&self, request: &Outgoing, to: &[SocketAddr], _: Instant) -> Result<Incoming, Unsent> {
        self.asked.lock().unwrap().push(Asked {
            url: request.url.to_string(),
            headers: request.headers.clone(),
            body: String::from_utf8_lossy(&request.body).into_owned(),
            to: to.iter().map(ToString::to_string).collect(),
        });
        let mut answer = self.answers.lock().unwrap().pop_front().unwrap_or_default();
        answer.truncated |= answer.body.len() > request.most;
        answer.body.truncate(request.most);
        Ok(answer)
    }
}

const TOKEN: &str = "s3cret/token+1";
const KEY: &str = "key-of-eight-bytes";

struct Bed {
    sender: Arc<Played>,
    egress: Egress,
}

impl Bed {
    fn new() -> Self {
        Self::reaching(Reach::default())
    }

    fn reaching(reach: Reach) -> Self {
        let names = BTreeMap::from([
            ("hooks.test", vec!["1.1.1.1"]),
            ("inside.test", vec!["10.0.0.7"]),
            ("here.test", vec!["127.0.0.1", "::1"]),
            ("cloud.test", vec!["169.254.169.254"]),
            ("both.test", vec!["127.0.0.1", "1.1.1.2", "::ffff:10.0.0.1"]),
            ("none.test", vec![]),
        ]);
        let sender = Arc::new(Played {
            names,
            ..Played::default()
        });
        let values = [
            ("token", TOKEN),
            ("key", KEY),
            ("hook", "https://hooks.test/services/T0/B0/xyz"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let egress = Egress {
            secrets: Arc::new(Secrets::new(BTreeMap::from(values)).unwrap()),
            reach: Arc::new(reach),
            sender: sender.clone(),
        };
        Self { sender, egress }
    }

    fn answers(self, answers: impl IntoIterator<Item = Incoming>) -> Self {
        self.sender.answers.lock().unwrap().extend(answers);
        self
    }

    fn send(&self, request: HttpRequest) -> Result<(HttpHead, Vec<u8>), HttpError> {
        send(&self.egress, request, Instant::now() + Duration::from_secs(60))
    }

    fn to(&self, url: &str) -> Result<(HttpHead, Vec<u8>), HttpError> {
        self.send(post(url))
    }

    fn asked(&self) -> Vec<Asked> {
        self.sender.asked.lock().unwrap().clone()
    }

    /// Why a request is not sent. Nothing was, and no secret stands in the words.
    fn denied(&self, request: HttpRequest) -> String {
        let before = self.asked().len();
        let Err(HttpError::Refused(Refusal::Denied(why))) = self.send(request) else {
            panic!()
        };
        assert_eq!(self.asked().len(), before, "{why}");
        assert!(!why.contains(TOKEN) && !why.contains("hooks.test"), "{why}");
        why
    }
}

fn post(url: &str) -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        url: url.into(),
        max_response: 1000,
        ..HttpRequest::default()
    }
}

fn put(placeholder: &str, secret: &str, encoding: Encoding) -> Substitution {
    Substitution {
        placeholder: placeholder.into(),
        secret: secret.into(),
        encoding,
    }
}

fn answer(status: u16, location: Option<&str>) -> Incoming {
    Incoming {
        status,
        headers: location
            .map(|to| ("location".to_owned(), to.to_owned()))
            .into_iter()
            .collect(),
        ..Incoming::default()
    }
}

fn places(texts: &[&str]) -> Vec<Place> {
    texts
        .iter()
        .map(|text| Place::try_from((*text).to_owned()).unwrap())
        .collect()
}

#[test]
fn secrets_are_put_where_their_names_stand() {
    let bed = Bed::new();
    let mut request = post("https://hooks.test/<path>?q=1#part");
    request.headers = vec![("Authorization".into(), "Bearer <token>".into())];
    request.body = br#"{"a": "<json>", "b": "<other>"}"#.to_vec();
    request.substitute = vec![
        put("<path>", "token", Encoding::UrlComponent),
        put("<token>", "token", Encoding::Raw),
        put("<json>", "token", Encoding::JsonString),
    ];
    bed.send(request).unwrap();
    let asked = bed.asked().remove(0);
    assert_eq!(asked.url, "https://hooks.test/s3cret%2Ftoken%2B1?q=1");
    assert_eq!(asked.headers, [("authorization".to_owned(), format!("Bearer {TOKEN}"))]);
    assert_eq!(asked.body, format!(r#"{{"a": "{TOKEN}", "b": "<other>"}}"#));
    assert_eq!(asked.to, ["1.1.1.1:443"]);
}

#[test]
fn a_whole_url_may_be_a_secret() {
    let bed = Bed::new();
    let mut request = post("<hook>");
    request.substitute = vec![put("<hook>", "hook", Encoding::Raw)];
    bed.send(request).unwrap();
    assert_eq!(bed.asked()[0].url, "https://hooks.test/services/T0/B0/xyz");
}

/// RFC 4231, case 1.
#[test]
fn the_final_body_is_signed() {
    let secrets = Secrets::new(BTreeMap::from([("key".to_owned(), "\u{b}".repeat(20))])).unwrap();
    let of = |algorithm: &str| Signing {
        secret: "key".into(),
        algorithm: algorithm.into(),
        header: "X-Sig".into(),
        prefix: "v=".into(),
    };
    for (algorithm, code) in [
        (
            "sha256",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            "sha512",
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
    ] {
        let signed = sign::sign(&secrets, &of(algorithm), b"Hi There").unwrap();
        assert_eq!(signed, ("x-sig".to_owned(), format!("v={code}")));
    }
    for algorithm in ["sha1", "SHA256", "md5", ""] {
        let error = sign::sign(&secrets, &of(algorithm), b"").unwrap_err();
        assert!(
            matches!(&error, HttpError::Refused(Refusal::Denied(why)) if why.contains("use `sha256` or `sha512`")),
            "{error:?}"
        );
    }
    let bed = Bed::new();
    let mut request = post("https://hooks.test/");
    request.body = b"token=<token>".to_vec();
    request.substitute = vec![put("<token>", "token", Encoding::Raw)];
    request.headers = vec![("x-sig".into(), "forged".into())];
    request.sign = Some(Signing {
        secret: "key".into(),
        algorithm: "sha256".into(),
        header: "X-Sig".into(),
        prefix: "sha256=".into(),
    });
    bed.send(request).unwrap();
    let asked = bed.asked().remove(0);
    let expected = sign::sign(
        &bed.egress.secrets,
        &Signing {
            prefix: "sha256=".into(),
            ..of("sha256")
        },
        format!("token={TOKEN}").as_bytes(),
    );
    assert_eq!(asked.headers, [expected.unwrap()]);
}

#[test]
fn only_secrets_of_the_binding_can_be_named() {
    let bed = Bed::new();
    let mut request = post("https://hooks.test/<a>..");
    request.substitute = vec![put("<a>.", "another\n", Encoding::Raw)];
    assert_eq!(
        bed.denied(request.clone()),
        "the secret `another\\n` is not granted to this plugin"
    );
    request.substitute = Vec::new();
    request.sign = Some(Signing {
        secret: "other".into(),
        algorithm: "sha256".into(),
        header: "x".into(),
        prefix: String::new(),
    });
    assert!(bed.denied(request).contains("`other` is not granted"));
}

#[test]
fn addresses_are_checked_after_names() {
    let bed = Bed::new();
    for (url, word) in [
        ("https://here.test/", "a loopback address"),
        ("https://inside.test/", "a private address"),
        ("https://cloud.test/latest/meta-data", "a link-local address"),
        ("https://127.0.0.1/", "a loopback address"),
        ("https://2130706433/", "a loopback address"),
        ("https://0x7f.1/", "a loopback address"),
        ("https://[::1]/", "a loopback address"),
        ("https://[::ffff:169.254.169.254]/", "a link-local address"),
        ("https://169.254.169.254/", "a link-local address"),
        ("https://0.0.0.0/", "a reserved address"),
        ("http://hooks.test/", "without TLS"),
        ("ftp://hooks.test/", "neither https nor http"),
        ("file:///etc/passwd", "neither https nor http"),
        ("https://u:p@hooks.test/", "a user or a password"),
        ("nonsense", "its URL is none"),
        ("", "its URL is none"),
    ] {
        let why = bed.denied(post(url));
        assert!(why.contains(word), "{url}: {why}");
    }
    for name in ["none.test", "unknown.test"] {
        assert_eq!(bed.to(&format!("https://{name}/")).unwrap_err(), HttpError::Dns);
    }
    // Of a name's addresses, those that may be reached are.
    bed.to("https://both.test:8443/").unwrap();
    assert_eq!(bed.asked()[0].to, ["1.1.1.2:8443"]);
}

#[test]
fn what_the_operator_lists_is_reached() {
    let bed = Bed::reaching(Reach {
        private: places(&["10.0.0.0/8", "here.test", "cloud.test"]),
        plain: places(&["here.test"]),
    });
    bed.to("https://inside.test/").unwrap();
    bed.to("http://here.test:8080/").unwrap();
    assert_eq!(bed.asked()[1].to, ["127.0.0.1:8080", "[::1]:8080"]);
    assert!(bed.denied(post("http://inside.test/")).contains("without TLS"));
    assert!(bed.denied(post("https://cloud.test/")).contains("a link-local address"));
    assert!(bed.denied(post("https://127.0.0.1/")).contains("a loopback address"));
}

#[test]
fn a_redirect_within_the_origin_is_followed_with_everything() {
    for status in [307, 308] {
        let bed = Bed::new().answers([answer(status, Some("/b?c=1")), answer(200, None)]);
        let mut request = post("https://hooks.test/a");
        request.body = b"<token>".to_vec();
        request.substitute = vec![put("<token>", "token", Encoding::Raw)];
        let (head, _) = bed.send(request).unwrap();
        assert_eq!(head.status, 200);
        let asked = bed.asked();
        assert_eq!(asked[1].url, "https://hooks.test/b?c=1");
        assert_eq!(asked[1].body, TOKEN);
    }
}

#[test]
fn a_redirect_to_anywhere_else_is_refused_or_handed_over() {
    for to in [
        "https://evil.test/",
        "https://hooks.test:8443/",
        "http://hooks.test/",
        "https://169.254.169.254/latest",
        "https://u@hooks.test/",
        "//evil.test/",
    ] {
        let bed = Bed::new().answers([answer(307, Some(to)), answer(200, None)]);
        let Err(HttpError::Refused(Refusal::Denied(why))) = bed.to("https://hooks.test/") else {
            panic!("{to}")
        };
        assert!(why.contains("redirects to another host"), "{to}: {why}");
        assert_eq!(bed.asked().len(), 1, "{to}");
    }
    // What would change the method, or leads nowhere, is an answer.
    for (status, to) in [
        (301, Some("https://evil.test/")),
        (302, Some("/b")),
        (303, Some("/b")),
        (307, None),
    ] {
        let bed = Bed::new().answers([answer(status, to), answer(200, None)]);
        assert_eq!(bed.to("https://hooks.test/").unwrap().0.status, status);
        assert_eq!(bed.asked().len(), 1);
    }
    // A read may follow them.
    let bed = Bed::new().answers([answer(302, Some("/b")), answer(200, None)]);
    let request = HttpRequest {
        method: "GET".into(),
        ..post("https://hooks.test/")
    };
    assert_eq!(bed.send(request).unwrap().0.status, 200);
}

#[test]
fn redirects_end_and_their_addresses_are_checked_again() {
    let bed = Bed::new().answers((0..9).map(|_| answer(307, Some("/again"))));
    assert_eq!(
        bed.to("https://hooks.test/").unwrap_err(),
        HttpError::Other("it answers with more than 3 redirects".into())
    );
    assert_eq!(bed.asked().len(), 4);
    // From http to https of a host that may be talked to so.
    let plain = Reach {
        plain: places(&["hooks.test"]),
        ..Reach::default()
    };
    let bed = Bed::reaching(plain).answers([answer(308, Some("https://hooks.test/")), answer(200, None)]);
    bed.to("http://hooks.test/").unwrap();
    assert_eq!(bed.asked()[1].to, ["1.1.1.1:443"]);
}

#[test]
fn what_comes_back_has_no_secret_in_it() {
    let echo = Incoming {
        status: 400,
        headers: vec![("x-you-sent".into(), format!("Bearer {TOKEN}"))],
        body: format!("{TOKEN} {KEY} {}", sha2_hex(TOKEN)).into_bytes(),
        truncated: false,
    };
    let bed = Bed::new().answers([echo]);
    let (head, body) = bed.to("https://hooks.test/").unwrap();
    assert_eq!(head.headers, [("x-you-sent".to_owned(), "Bearer [secret]".to_owned())]);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        format!("[secret] [secret] {}", sha2_hex(TOKEN))
    );
}

/// What is derived from a secret without way back may be seen.
fn sha2_hex(text: &str) -> String {
    windlass_core::digest::Digest::of(text.as_bytes()).hex()
}

#[test]
fn answers_are_bounded() {
    let long = || Incoming {
        status: 200,
        body: vec![b'x'; 2 << 20],
        ..Incoming::default()
    };
    for (wanted, most) in [(0, 0), (10, 10), (1000, 1000), (u32::MAX, limits::RESPONSE_BYTES)] {
        let bed = Bed::new().answers([long()]);
        let request = HttpRequest {
            max_response: wanted,
            ..post("https://hooks.test/")
        };
        let (head, body) = bed.send(request).unwrap();
        assert_eq!((body.len(), head.truncated), (most, true));
    }
}

#[test]
fn requests_are_bounded() {
    let bed = Bed::new();
    let too_large = |request: HttpRequest, limit: usize| {
        let error = bed.send(request).unwrap_err();
        assert_eq!(error, HttpError::Refused(Refusal::TooLarge(limit as u64)));
    };
    too_large(
        HttpRequest {
            body: vec![0; limits::REQUEST_BYTES + 1],
            ..post("https://hooks.test/")
        },
        limits::REQUEST_BYTES,
    );
    too_large(
        post(&format!(
            "https://hooks.test/{}",
            "x".repeat(limits::REQUEST_HEAD_BYTES)
        )),
        limits::REQUEST_HEAD_BYTES,
    );
    too_large(
        HttpRequest {
            headers: vec![("a".into(), "x".repeat(limits::REQUEST_HEAD_BYTES))],
            ..post("https://hooks.test/")
        },
        limits::REQUEST_HEAD_BYTES,
    );
    let with_headers = |headers: Vec<(String, String)>| HttpRequest {
        headers,
        ..post("https://hooks.test/")
    };
    let many = vec![("a".to_owned(), String::new()); limits::REQUEST_HEADERS + 1];
    assert!(bed.denied(with_headers(many)).contains("more than 64 headers"));
    // A secret a million times over.
    let flood = HttpRequest {
        body: b"<to>".repeat(limits::REQUEST_BYTES / 4),
        substitute: vec![put("<to>", "token", Encoding::Raw)],
        ..post("https://hooks.test/")
    };
    assert!(bed.denied(flood).contains("more than 1048576 bytes"));
    let short = HttpRequest {
        substitute: vec![put("/", "token", Encoding::Raw)],
        ..post("https://hooks.test/")
    };
    assert!(bed.denied(short).contains("less than 4 bytes"));
    let many = HttpRequest {
        substitute: (0..=limits::SECRETS)
            .map(|n| put(&format!("<{n:04}>"), "token", Encoding::Raw))
            .collect(),
        ..post("https://hooks.test/")
    };
    assert!(bed.denied(many).contains("more than 16 secrets"));
}

#[test]
fn what_is_the_hosts_stays_the_hosts() {
    let bed = Bed::new();
    for method in ["CONNECT", "TRACE", "post", "", "POST\r\n"] {
        let request = HttpRequest {
            method: method.into(),
            ..post("https://hooks.test/")
        };
        assert!(bed.denied(request).contains("the method is none of"), "{method}");
    }
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Accept-Encoding",
        "RANGE",
        "Proxy-Authorization",
    ] {
        let request = HttpRequest {
            headers: vec![(name.into(), "x".into())],
            ..post("https://hooks.test/")
        };
        assert!(bed.denied(request).contains("is the host's to set"), "{name}");
    }
    for name in ["", "a b", "a:", "a\r\nb", "ä"] {
        let request = HttpRequest {
            headers: vec![(name.into(), "x".into())],
            ..post("https://hooks.test/")
        };
        assert!(bed.denied(request).contains("a header's name is none"), "{name}");
    }
    let request = HttpRequest {
        headers: vec![("x-a".into(), "b\r\nx-c: d".into())],
        ..post("https://hooks.test/")
    };
    assert!(
        bed.denied(request)
            .contains("the header `x-a` holds a control character")
    );
}

#[test]
fn a_secret_names_no_other() {
    let values = BTreeMap::from([
        ("a".to_owned(), "<second>".to_owned()),
        ("b".to_owned(), "bbbbbbbb".to_owned()),
    ]);
    let mut bed = Bed::new();
    bed.egress.secrets = Arc::new(Secrets::new(values).unwrap());
    let request = HttpRequest {
        body: b"<first> <second>".to_vec(),
        substitute: vec![put("<first>", "a", Encoding::Raw), put("<second>", "b", Encoding::Raw)],
        ..post("https://hooks.test/")
    };
    bed.send(request).unwrap();
    assert_eq!(bed.asked()[0].body, "<second> bbbbbbbb");
}

#[test]
fn secrets_have_a_size_and_are_not_shown() {
    let of = |value: String| Secrets::new(BTreeMap::from([("a".to_owned(), value)]));
    let short = of("1234567".into()).unwrap_err().to_string();
    assert!(short.starts_with("the secret `a` has less than 8 bytes"), "{short}");
    assert!(
        of("x".repeat(limits::SECRET_BYTES + 1))
            .unwrap_err()
            .to_string()
            .contains("more than 4096 bytes")
    );
    let many = (0..=limits::SECRETS)
        .map(|n| (format!("{n:03}"), "12345678".to_owned()))
        .collect();
    assert!(
        Secrets::new(many)
            .unwrap_err()
            .to_string()
            .contains("one more than the 16")
    );
    let good = of("12345678".into()).unwrap();
    assert_eq!(format!("{good:?}"), r#"{"a"}"#);
    let mut outgoing = substitute::outgoing(
        &good,
        Vec::new(),
        "https://a.test/12345678".into(),
        Vec::new(),
        Vec::new(),
    )
    .unwrap();
    outgoing.method = "POST".into();
    assert_eq!(format!("{outgoing:?}"), "Outgoing(POST …, 0 bytes)");
}

#[test]
fn time_is_the_shortest_of_all_limits() {
    let now = Instant::now();
    let far = now + Duration::from_secs(60);
    assert!(deadline(0, far) <= Instant::now() + limits::REQUEST_TIME);
    assert!(deadline(u32::MAX, far) <= Instant::now() + limits::REQUEST_TIME);
    assert!(deadline(100, far) <= Instant::now() + Duration::from_millis(100));
    assert_eq!(deadline(0, now), now);
}
