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

/// Checks an id as Consul's state store does. The texts are its, and reach clients.
pub(super) fn check_uuid(text: &str) -> Result<(), String> {
    /// Hyphens that an id has at most.
    const HYPHENS: usize = 4;
    if text.len() != 36 {
        return Err("UUID must be 36 characters".to_owned());
    }
    let hyphens = text.matches('-').count();
    if hyphens > HYPHENS {
        return Err(format!(
            "UUID should have maximum of {HYPHENS} \"-\"; got {hyphens}"
        ));
    }
    let digits = text.replace('-', "");
    if !digits.len().is_multiple_of(2) {
        return Err("Input (without hyphens) must be even length".to_owned());
    }
    match digits.bytes().find(|byte| !byte.is_ascii_hexdigit()) {
        None => Ok(()),
        Some(byte) => Err(format!(
            "Invalid UUID: encoding/hex: invalid byte: U+{byte:04X} {:?}",
            char::from(byte)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_with_consuls_texts() {
        for good in [
            "8ec41d6a-01fc-379d-6512-53b9b27c1545",
            "8ec41d6a001fc0379d0651200000000c1545",
        ] {
            assert_eq!(check_uuid(good), Ok(()), "{good}");
        }
        for (bad, text) in [
            ("abc", "UUID must be 36 characters"),
            ("", "UUID must be 36 characters"),
            (
                "zzzzzzzz-01fc-379d-6512-53b9b27c1545",
                "Invalid UUID: encoding/hex: invalid byte: U+007A 'z'",
            ),
            (
                "8ec41d6a-01fc-379d-6512053b9b27c1545",
                "Input (without hyphens) must be even length",
            ),
        ] {
            assert_eq!(check_uuid(bad).unwrap_err(), text);
        }
    }
}
