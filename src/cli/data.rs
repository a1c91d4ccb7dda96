//! Arguments that hold data: the text itself, `@file`, or `-` for standard input.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::api::io_reason;
use crate::output::Console;

/// The bytes that an argument stands for, or the reason (Consul's words) why there are none.
pub(crate) fn load(argument: &OsStr, console: &mut Console) -> Result<Vec<u8>, String> {
    match argument.as_bytes() {
        b"-" => console
            .read_input()
            .map_err(|error| format!("Failed to read stdin: {}", io_reason(&error))),
        [b'@', name @ ..] => read(Path::new(OsStr::from_bytes(name))),
        bytes => Ok(bytes.to_vec()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        let reason = io_reason(&error);
        format!("Failed to read file: open {}: {reason}", path.display())
    })
}
