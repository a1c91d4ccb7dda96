//! Paths to endpoints, as Go's `net/http` mux decides.
//!
//! A pattern that ends in `/` takes everything below it, any other pattern only itself; the longest
//! wins. A path that lacks the slash of such a pattern is redirected to it.

use std::pin::Pin;
use std::sync::Arc;

use hyper::Method;

use super::error::HttpError;
use super::request::Request;
use super::response::Response;

/// What a handler gives back.
pub type Answer = Result<Response, HttpError>;
type BoxedAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;
type Handler<C> = Box<dyn Fn(Arc<C>, Request) -> BoxedAnswer + Send + Sync>;

/// The methods of an endpoint, in Consul's order; `Allow` puts `OPTIONS` before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods {
    list: &'static [Method],
    allow: &'static str,
}

impl Methods {
    /// Whether the endpoint takes `method`.
    pub fn contains(self, method: &Method) -> bool {
        self.list.contains(method)
    }

    /// All of them.
    pub const fn list(self) -> &'static [Method] {
        self.list
    }

    /// The value of `Allow`.
    pub const fn allow(self) -> &'static str {
        self.allow
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = [$($method:ident),+], $allow:literal;)+) => {
        $($(#[$doc])* pub(super) const $name: Methods = Methods {
            list: &[$(Method::$method),+],
            allow: $allow,
        };)+
    };
}

methods! {
    /// Reads only.
    GET = [GET], "OPTIONS,GET";
    /// Writes only.
    PUT = [PUT], "OPTIONS,PUT";
    /// Writes only, with `POST`.
    POST = [POST], "OPTIONS,POST";
    /// Writes only, with either method.
    POST_PUT = [POST, PUT], "OPTIONS,POST,PUT";
    /// Removal only.
    DELETE = [DELETE], "OPTIONS,DELETE";
    /// Reads and writes.
    GET_PUT = [GET, PUT], "OPTIONS,GET,PUT";
    /// Reads, and writes with `POST`.
    GET_POST = [GET, POST], "OPTIONS,GET,POST";
    /// Reads and removal.
    GET_DELETE = [GET, DELETE], "OPTIONS,GET,DELETE";
    /// Reads, writes and removal.
    GET_PUT_DELETE = [GET, PUT, DELETE], "OPTIONS,GET,PUT,DELETE";
    /// Everything.
    GET_POST_PUT_DELETE = [GET, POST, PUT, DELETE], "OPTIONS,GET,POST,PUT,DELETE";
}

/// One endpoint.
pub struct Route<C> {
    pattern: &'static str,
    methods: Methods,
    metric: String,
    handler: Handler<C>,
}

impl<C> Route<C> {
    /// The path that it answers, or everything below it when it ends in `/`.
    pub fn pattern(&self) -> &'static str {
        self.pattern
    }

    /// Its methods.
    pub fn methods(&self) -> Methods {
        self.methods
    }

    /// Its name in metrics: `v1.kv._`.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    pub(super) fn call(&self, context: Arc<C>, request: Request) -> BoxedAnswer {
        (self.handler)(context, request)
    }
}

/// A line of the table of endpoints.
pub fn route<C, F, Fut>(pattern: &'static str, methods: Methods, handler: F) -> Route<C>
where
    F: Fn(Arc<C>, Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Answer> + Send + 'static,
{
    Route {
        pattern,
        methods,
        metric: metric_name(pattern),
        handler: Box::new(move |context, request| Box::pin(handler(context, request))),
    }
}

/// `/v1/kv/` is `v1.kv._` in Consul's metrics.
fn metric_name(pattern: &str) -> String {
    let parts: Vec<&str> = pattern
        .split('/')
        .skip(1)
        .map(|part| if part.is_empty() { "_" } else { part })
        .collect();
    parts.join(".")
}

/// All endpoints.
pub struct Router<C> {
    /// Sorted by pattern.
    routes: Vec<Route<C>>,
}

/// What a path leads to.
pub enum Found<'a, C> {
    /// An endpoint; its part of the path ends here.
    Route(&'a Route<C>, usize),
    /// The same path with a slash at the end.
    AddSlash,
    /// Nothing.
    Nothing,
}

impl<C> Router<C> {
    /// Takes the table in any order. Of two equal patterns the first wins.
    pub fn new(mut routes: Vec<Route<C>>) -> Self {
        routes.sort_by_key(|route| route.pattern);
        routes.dedup_by_key(|route| route.pattern);
        Self { routes }
    }

    /// The endpoints, sorted by pattern.
    pub fn routes(&self) -> &[Route<C>] {
        &self.routes
    }

    fn exact(&self, pattern: &[u8]) -> Option<&Route<C>> {
        self.routes
            .binary_search_by(|route| route.pattern.as_bytes().cmp(pattern))
            .ok()
            .map(|at| &self.routes[at])
    }

    /// Finds the endpoint of a clean, decoded path.
    pub fn find(&self, path: &[u8]) -> Found<'_, C> {
        if let Some(route) = self.exact(path) {
            return Found::Route(route, path.len());
        }
        // A missing slash is added before a shorter pattern is tried, as the mux does.
        if !path.ends_with(b"/") && self.has_subtree(path) {
            return Found::AddSlash;
        }
        let mut end = path.len();
        while let Some(slash) = path[..end].iter().rposition(|byte| *byte == b'/') {
            if let Some(route) = self.exact(&path[..=slash]) {
                return Found::Route(route, slash + 1);
            }
            end = slash;
        }
        Found::Nothing
    }

    fn has_subtree(&self, path: &[u8]) -> bool {
        self.routes
            .binary_search_by(|route| {
                let pattern = route.pattern.as_bytes();
                pattern
                    .iter()
                    .cmp(path.iter().chain(std::iter::once(&b'/')))
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    fn router() -> Router<()> {
        let handler = |_: Arc<()>, _: Request| async { Ok(Response::empty(StatusCode::OK)) };
        Router::new(vec![
            route("/v1/kv/", GET_PUT_DELETE, handler),
            route("/v1/agent/service/", GET, handler),
            route("/v1/agent/service/register", PUT, handler),
            route("/v1/config", PUT, handler),
            route("/v1/config/", GET_DELETE, handler),
            route("/v1/status/leader", GET, handler),
        ])
    }

    fn found(path: &str) -> String {
        match router().find(path.as_bytes()) {
            Found::Route(route, rest) => format!("{} + {}", route.pattern(), &path[rest..]),
            Found::AddSlash => "slash".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn the_longest_pattern_wins() {
        for (path, expected) in [
            ("/v1/kv/", "/v1/kv/ + "),
            ("/v1/kv/a/b/", "/v1/kv/ + a/b/"),
            ("/v1/kv", "slash"),
            ("/v1/agent/service", "slash"),
            (
                "/v1/agent/service/register",
                "/v1/agent/service/register + ",
            ),
            (
                "/v1/agent/service/register/x",
                "/v1/agent/service/ + register/x",
            ),
            ("/v1/config", "/v1/config + "),
            ("/v1/config/kind", "/v1/config/ + kind"),
            ("/v1/status/leader/", "nothing"),
            ("/v1", "nothing"),
            ("/", "nothing"),
        ] {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn metric_names_are_consuls() {
        assert_eq!(metric_name("/v1/kv/"), "v1.kv._");
        assert_eq!(metric_name("/v1/status/leader"), "v1.status.leader");
    }

    #[test]
    fn options_come_first_in_allow() {
        assert_eq!(GET_PUT_DELETE.allow(), "OPTIONS,GET,PUT,DELETE");
        assert!(GET.contains(&Method::GET) && !GET.contains(&Method::HEAD));
    }
}
