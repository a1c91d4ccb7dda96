//! A session that is kept alive for as long as a command needs it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::api::{ApiError, Client, NewSession, QueryOptions};

/// Time to live of sessions; renewed twice in it.
const TTL: Duration = Duration::from_secs(15);
/// How long to wait before a renewal that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A session that is renewed until it is destroyed or dropped.
pub(crate) struct SessionKeeper {
    client: Client,
    options: QueryOptions,
    id: String,
    renewing: JoinHandle<()>,
    ended: watch::Receiver<bool>,
}

impl SessionKeeper {
    /// Makes a session, with a time to live of 15 s, and begins to renew it.
    pub(crate) async fn create(
        client: &Client,
        session: NewSession,
        options: QueryOptions,
    ) -> Result<Self, ApiError> {
        let session = NewSession {
            ttl: format!("{}s", TTL.as_secs()),
            ..session
        };
        let id = client.session_create(&session, &options).await?;
        let (sender, ended) = watch::channel(false);
        let renewing = renew(client.clone(), id.clone(), options.clone(), sender);
        Ok(Self {
            client: client.clone(),
            options,
            id,
            renewing: tokio::spawn(renewing),
            ended,
        })
    }

    /// The session's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Resolves when the session has surely ended, or must be taken for ended.
    pub(crate) async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The task goes away without a word only when the session is no longer wanted.
        if ended.wait_for(|ended| *ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends the session.
    pub(crate) async fn destroy(self) -> Result<(), ApiError> {
        self.renewing.abort();
        self.client.session_destroy(&self.id, &self.options).await
    }
}

impl Drop for SessionKeeper {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Renews until the session is gone, or could not be renewed for its whole time to live.
async fn renew(client: Client, id: String, options: QueryOptions, ended: watch::Sender<bool>) {
    let mut renewed = Instant::now();
    let mut wait = TTL / 2;
    while renewed.elapsed() < TTL {
        sleep(wait).await;
        let asked = Instant::now();
        let request = client.session_renew(&id, &options);
        match timeout(TTL.saturating_sub(renewed.elapsed()), request).await {
            Ok(Ok(Some(_))) => {
                renewed = asked;
                wait = TTL / 2;
            }
            Ok(Ok(None)) => break,
            Ok(Err(_)) | Err(_) => wait = RETRY,
        }
    }
    ended.send_replace(true);
}
