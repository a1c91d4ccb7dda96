//! Facts about the machine and this process, for `/v1/agent/host`, `/v1/agent/self` and `info`.

mod cpu;
mod disk;
mod facts;
mod memory;
mod runtime;
mod system;

pub use cpu::CpuFacts;
pub use disk::DiskFacts;
pub use facts::{HostFacts, host_facts};
pub use memory::MemoryFacts;
pub use runtime::{RuntimeFacts, hostname, runtime_facts};
pub use system::SystemFacts;
