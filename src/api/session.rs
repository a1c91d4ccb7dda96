//! `/v1/session`

use serde::Serialize;

use super::answer::Meta;
use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use super::path;
use crate::model::duration::GoDuration;
use crate::model::session::Session;

/// A session to be made. Empty fields are not sent; the agent fills them in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewSession {
    /// `release` or `delete`: what happens to the keys that it holds when it ends.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub behavior: String,
    /// Time for which a lock stays closed after the session was invalidated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_delay: Option<GoDuration>,
    /// The name that people see.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The node that it is bound to; the agent's own when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Checks that end it; `serfHealth` when absent, none when empty.
    #[serde(rename = "Checks", skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<String>>,
    /// Time to live, `10s` to `24h`; forever when empty.
    #[serde(rename = "TTL", skip_serializing_if = "String::is_empty")]
    pub ttl: String,
}

/// The answer to making a session.
#[derive(serde::Deserialize)]
struct Made {
    #[serde(rename = "ID")]
    id: String,
}

impl Client {
    /// Makes a session and returns its id.
    pub async fn session_create(
        &self,
        session: &NewSession,
        options: &QueryOptions,
    ) -> Result<String, ApiError> {
        let request = self.put("/v1/session/create").options(options);
        let made: Made = request.json(session)?.send_ok().await?.json().await?;
        Ok(made.id)
    }

    /// Ends a session; one that is not there has ended already.
    pub async fn session_destroy(&self, id: &str, options: &QueryOptions) -> Result<(), ApiError> {
        let path = path::join("/v1/session/destroy/", id.as_bytes())?;
        self.put(path).options(options).send_ok().await?;
        Ok(())
    }

    /// Begins the session's time to live anew; `None` when there is no such session any more.
    pub async fn session_renew(
        &self,
        id: &str,
        options: &QueryOptions,
    ) -> Result<Option<Session>, ApiError> {
        let path = path::join("/v1/session/renew/", id.as_bytes())?;
        let answer = self.put(path).options(options).send().await?;
        if answer.status() == 404 {
            return Ok(None);
        }
        let sessions: Vec<Session> = answer.ok().await?.json().await?;
        Ok(sessions.into_iter().next())
    }

    /// A session, if there is one with this id.
    pub async fn session_info(
        &self,
        id: &str,
        options: &QueryOptions,
    ) -> Result<(Option<Session>, Meta), ApiError> {
        let path = path::join("/v1/session/info/", id.as_bytes())?;
        let (sessions, meta) = self.sessions(path, options).await?;
        Ok((sessions.into_iter().next(), meta))
    }

    /// All sessions of a datacenter.
    pub async fn session_list(
        &self,
        options: &QueryOptions,
    ) -> Result<(Vec<Session>, Meta), ApiError> {
        self.sessions("/v1/session/list".to_owned(), options).await
    }

    /// The sessions that are bound to a node.
    pub async fn session_node(
        &self,
        node: &str,
        options: &QueryOptions,
    ) -> Result<(Vec<Session>, Meta), ApiError> {
        let path = path::join("/v1/session/node/", node.as_bytes())?;
        self.sessions(path, options).await
    }

    async fn sessions(
        &self,
        path: String,
        options: &QueryOptions,
    ) -> Result<(Vec<Session>, Meta), ApiError> {
        let answer = self.get(path).options(options).send_ok().await?;
        let meta = answer.meta();
        Ok((answer.json().await?, meta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_is_sent() {
        let text = |session: &NewSession| serde_json::to_string(session).unwrap();
        assert_eq!(text(&NewSession::default()), "{}");
        let session = NewSession {
            behavior: "delete".to_owned(),
            name: "n".to_owned(),
            ttl: "15s".to_owned(),
            checks: Some(Vec::new()),
            lock_delay: Some(GoDuration::from_secs(0)),
            ..NewSession::default()
        };
        assert_eq!(
            text(&session),
            r#"{"Behavior":"delete","LockDelay":"0s","Name":"n","Checks":[],"TTL":"15s"}"#
        );
    }
}
