//! Metrics of requests to the API.

use std::collections::HashMap;

use hyper::Method;

use crate::agent::http::{RequestObserver, Sample as Request};
use crate::agent::telemetry::metrics::{Metrics, Sample};

/// Records `http.<METHOD>.<path>` for every request, as Consul names it.
///
/// All endpoints are resolved at the start, so that a request costs a look-up and no allocation.
pub(super) struct HttpMetrics {
    endpoints: HashMap<String, Vec<(Method, Sample)>>,
}

impl HttpMetrics {
    /// Resolves the endpoints: their metric names and methods.
    pub(super) fn new<'a>(
        metrics: &Metrics,
        endpoints: impl Iterator<Item = (&'a str, &'a [Method])>,
    ) -> Self {
        let resolve = |(name, methods): (&str, &[Method])| {
            let sample = |method: &Method| {
                (
                    method.clone(),
                    metrics.sample(&format!("http.{method}.{name}")),
                )
            };
            (name.to_owned(), methods.iter().map(sample).collect())
        };
        Self {
            endpoints: endpoints.map(resolve).collect(),
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
