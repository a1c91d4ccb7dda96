//! What health checks are aimed at: servers of every kind that a test turns good, poor and bad
//! while they serve.

mod bus;
mod counterpart;
mod docker;
mod http;
mod http2;
mod ports;
mod tls;

pub(crate) use bus::system_bus;
pub(crate) use counterpart::{Counterpart, Health};
pub(crate) use docker::docker_daemon;
pub(crate) use http::{http1, http2_over_tls};
pub(crate) use http2::{grpc, h2ping};
pub(crate) use ports::{tcp, udp};
pub(crate) use tls::AUTHORITY;
