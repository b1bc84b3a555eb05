//! Interface `http`: a question to the engine like any other. No request is made in here, and no secret comes here.

use super::{State, convert, http_api as http};
use crate::protocol::{Answer, Ask, Encoding, HttpError, HttpRequest, Signing, Substitution};

impl http::Host for State {
    fn send(&mut self, request: http::Request) -> wasmtime::Result<Result<http::Response, http::Error>> {
        let request = asked(request);
        Ok(match self.ask(Ask::Send { request })? {
            (Answer::Sent(head), body) => Ok(http::Response {
                status: head.status,
                headers: head.headers,
                body,
                truncated: head.truncated,
            }),
            (Answer::Unsent(error), _) => Err(unsent(error)),
            _ => return self.unexpected(),
        })
    }
}

fn asked(request: http::Request) -> HttpRequest {
    let substitution = |one: http::Substitution| Substitution {
        placeholder: one.placeholder,
        secret: one.secret,
        encoding: match one.encoding {
            http::Encoding::Raw => Encoding::Raw,
            http::Encoding::JsonString => Encoding::JsonString,
            http::Encoding::UrlComponent => Encoding::UrlComponent,
        },
    };
    HttpRequest {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        substitute: request.substitute.into_iter().map(substitution).collect(),
        sign: request.sign.map(|sign| Signing {
            secret: sign.secret,
            algorithm: sign.algorithm,
            header: sign.header,
            prefix: sign.prefix,
        }),
        max_response: request.max_response,
        timeout_ms: request.timeout_ms,
    }
}

fn unsent(error: HttpError) -> http::Error {
    match error {
        HttpError::Refused(refusal) => http::Error::Refused(convert::refusal(refusal)),
        HttpError::Dns => http::Error::Dns,
        HttpError::Connect => http::Error::Connect,
        HttpError::Tls => http::Error::Tls,
        HttpError::Timeout => http::Error::Timeout,
        HttpError::Other(what) => http::Error::Other(what),
    }
}
