//! `/v1/health` and the other views that `watch` follows, as the agent answers them.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Meta;
use super::client::Client;
use super::error::ApiError;
use super::options::QueryOptions;
use super::path;

impl Client {
    /// The instances of a service with their checks.
    pub async fn health_service(
        &self,
        service: &str,
        tags: &[String],
        passing_only: bool,
        options: &QueryOptions,
    ) -> Result<(Value, Meta), ApiError> {
        let path = path::join("/v1/health/service/", service.as_bytes())?;
        let mut request = self.get(path).options(options);
        for tag in tags {
            request = request.query("tag", tag);
        }
        if passing_only {
            request = request.query("passing", "1");
        }
        value(request.send_ok().await?).await
    }

    /// The checks of a service.
    pub async fn health_checks(
        &self,
        service: &str,
        options: &QueryOptions,
    ) -> Result<(Value, Meta), ApiError> {
        let path = path::join("/v1/health/checks/", service.as_bytes())?;
        value(self.get(path).options(options).send_ok().await?).await
    }

    /// The checks in a state; `any` for all of them.
    pub async fn health_state<T: DeserializeOwned + Send + 'static>(
        &self,
        state: &str,
        options: &QueryOptions,
    ) -> Result<(T, Meta), ApiError> {
        let path = path::join("/v1/health/state/", state.as_bytes())?;
        value(self.get(path).options(options).send_ok().await?).await
    }

    /// The same as a list, of which there may be ten thousands.
    pub async fn health_state_list<T: DeserializeOwned + Send>(
        &self,
        state: &str,
        options: &QueryOptions,
    ) -> Result<(Vec<T>, Meta), ApiError> {
        let path = path::join("/v1/health/state/", state.as_bytes())?;
        let answer = self.get(path).options(options).send_ok().await?;
        let meta = answer.meta();
        Ok((answer.list().await?, meta))
    }

    /// The nodes of the catalog, as they are answered.
    pub async fn catalog_nodes_raw(
        &self,
        options: &QueryOptions,
    ) -> Result<(Value, Meta), ApiError> {
        let request = self.get("/v1/catalog/nodes").options(options);
        value(request.send_ok().await?).await
    }

    /// The services of the catalog, as they are answered.
    pub async fn catalog_services_raw<T: DeserializeOwned + Send + 'static>(
        &self,
        options: &QueryOptions,
    ) -> Result<(T, Meta), ApiError> {
        let request = self.get("/v1/catalog/services").options(options);
        value(request.send_ok().await?).await
    }
}

async fn value<T: DeserializeOwned + Send + 'static>(
    answer: super::Answer,
) -> Result<(T, Meta), ApiError> {
    let meta = answer.meta();
    Ok((answer.json().await?, meta))
}
