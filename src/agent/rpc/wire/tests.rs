//! What the reference sends and understands, and what nobody should send.

mod golden;
mod noise;
mod rounds;
mod tree;

use golden::Call;

/// The recorded calls of a client agent: method, request, reply.
pub(in crate::agent::rpc) fn golden_calls() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let calls = golden::calls().into_iter();
    calls
        .map(|call| (call.method, call.request, call.reply))
        .collect()
}

/// A request and its reply, read and written again; `None` for methods that this room does not read.
pub(in crate::agent::rpc) fn read_and_write_again(
    method: &str,
    request: &[u8],
    reply: &[u8],
) -> Option<golden::Again> {
    let call = Call {
        method: method.to_owned(),
        request: request.to_vec(),
        reply: reply.to_vec(),
    };
    golden::is_read(method).then(|| golden::again(&call))
}
