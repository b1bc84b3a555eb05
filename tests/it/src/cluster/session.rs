//! A client that keeps its connection: the least that a write can cost, for measurements.

use super::{Answer, Client, Content, Problem, client::Connection, http::Body};

/// One connection, one request after another.
pub struct Session {
    client: Client,
    connection: Connection,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// When the server can't be reached.
    pub fn open(client: &Client) -> Result<Self, Problem> {
        Ok(Self {
            client: client.clone(),
            connection: client.connect()?,
        })
    }

    /// Asks once, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When the connection fails or was closed: nothing is repeated.
    pub fn send(&mut self, method: &str, target: &str, content: Option<Content<'_>>) -> Result<Answer, Problem> {
        let head = self.client.exchange(&mut self.connection, method, target, content)?;
        let retry_after = head.get("retry-after").map(str::parse).transpose()?;
        Ok(Answer {
            status: head.status()?,
            retry_after,
            warning: head.get("warning").map(str::to_owned),
            body: Body::of_answer(&head, method)?.rest(&mut self.connection)?,
        })
    }
}
