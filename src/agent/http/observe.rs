//! Metrics of requests to the API.

use std::collections::HashMap;

use hyper::Method;

use super::log::{RequestObserver, Sample as Request};
use super::router::Route;
use crate::agent::telemetry::metrics::{Metrics, Sample};

/// Records `http.<METHOD>.<path>` for every request, as Consul names it.
///
/// All endpoints are resolved at the start, so that a request costs a look-up and no allocation.
#[derive(Debug)]
pub struct HttpMetrics {
    endpoints: HashMap<String, Vec<(Method, Sample)>>,
}

impl HttpMetrics {
    /// Resolves the endpoints of a table.
    pub fn new<C>(metrics: &Metrics, routes: &[Route<C>]) -> Self {
        let resolve = |route: &Route<C>| {
            let name = route.metric();
            let sample = |method: &Method| {
                (
                    method.clone(),
                    metrics.sample(&format!("http.{method}.{name}")),
                )
            };
            (
                name.to_owned(),
                route.methods().list().iter().map(sample).collect(),
            )
        };
        Self {
            endpoints: routes.iter().map(resolve).collect(),
        }
    }
}

impl RequestObserver for HttpMetrics {
    fn request_finished(&self, request: Request<'_>) {
        let Some(methods) = self.endpoints.get(request.endpoint) else {
            return;
        };
        if let Some((_, sample)) = methods.iter().find(|(method, _)| method == request.method) {
            sample.record_duration(request.elapsed);
        }
    }
}
