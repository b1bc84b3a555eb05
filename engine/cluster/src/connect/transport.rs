//! The stack under a connection: TCP, TLS by aws-lc-rs, HTTP/2 where the server has it, the credential.
//!
//! kube's own stack speaks HTTP/1.1 only: a connection and a TLS handshake for every request that is under way and for every
//! watch. Here one connection carries them all, and a ping finds out that it is dead.

use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt},
};
use rustls::crypto::CryptoProvider;
use tower::{BoxError, ServiceBuilder};

/// A TCP connection that is not there by then is not coming: the threat is an address that swallows packets.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection on which nothing was read for that long is pinged …
const PING_AFTER: Duration = Duration::from_secs(20);
/// … and is dead when no answer comes.
const PING_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that may be on their way on one stream. HTTP/2's default of 64 KiB costs a round trip each: seconds for a list of
/// some megabytes on the other side of an ocean.
const STREAM_WINDOW: u32 = 1 << 20;
/// On all streams of one connection.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// A client by a configuration. Runs exec plugins, so it may block.
pub(super) fn client(config: &Config) -> Result<Client, kube::Error> {
    install_provider();
    let mut config = config.clone();
    // Repetitions are ours to decide, see `call`.
    config.default_retry = false;
    if config.proxy_url.is_some() {
        config.connect_timeout = Some(CONNECT);
        return Ok(ClientBuilder::try_from(config)?.build());
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    let mut https = HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_or_http();
    if let Some(name) = config.tls_server_name.clone() {
        let name = name.try_into().map_err(|e| kube::Error::Service(Box::new(e)))?;
        https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let http: Http<_, Body> = Http::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_WITHIN)
        .build(https.enable_all_versions().wrap_connector(tcp));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}

/// aws-lc-rs unless the program installed another before.
fn install_provider() {
    if CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}
