//! Reads of tables that this build does not have yet: they are empty, as in a new Consul.

use crate::agent::http::{Answer, Context, HttpError, Meta, Request};
use crate::agent::rpc::wire::session::ReadNothing;

use super::read::{Read, headers_of};

/// Whether an answer says how it was made; not all of Consul's endpoints do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consistency {
    /// With `X-Consul-Effective-Consistency`.
    Shown,
    /// Without it.
    Hidden,
}

/// The headers of a read that finds nothing.
pub(super) async fn read_nothing(
    context: &Context,
    request: &Request,
    shown: Consistency,
) -> Result<Meta, HttpError> {
    let ((), meta) = Read::new(context, request)?
        .run(&ReadNothing)
        .await
        .map_err(|error| error.with_meta(Meta::default()))?;
    let meta = headers_of(meta);
    let consistency = meta.consistency.filter(|_| shown == Consistency::Shown);
    Ok(Meta {
        consistency,
        ..meta
    })
}

/// 200 with an empty list and the headers of a read.
pub(super) async fn empty_list(context: &Context, request: &Request, shown: Consistency) -> Answer {
    let meta = read_nothing(context, request, shown).await?;
    let empty: [(); 0] = [];
    Ok(request.json(&empty)?.meta(meta))
}
