//! A system bus with a systemd on it (D-Bus Specification, "Message Protocol").

use std::io;
use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{UnixListener, UnixStream};

use super::counterpart::{Counterpart, Health};

/// Bytes of a message before the array of its header's fields.
const HEAD: usize = 16;

/// A bus on a socket in `folder`. Every unit on it is active, activating or failed.
pub(crate) fn system_bus(folder: &Path) -> Counterpart {
    let socket = folder.join("bus");
    let address = format!("unix:path={}", socket.display());
    Counterpart::start(address, |health| async move {
        let listener = UnixListener::bind(socket).expect("a path of our own");
        loop {
            let (stream, _) = listener.accept().await.expect("files are left");
            let state = match *health.borrow() {
                Health::Good => "active",
                Health::Poor => "activating",
                Health::Bad => "failed",
            };
            tokio::spawn(serve(BufStream::new(stream), state));
        }
    })
}

/// Welcomes a client, and answers its three calls: hello, where is the unit, what is its state.
async fn serve(mut stream: BufStream<UnixStream>, state: &str) -> io::Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    stream.write_all(b"OK 0123\r\n").await?;
    stream.flush().await?;
    stream.read_line(&mut line).await?;
    let calls = [
        ("s", text(":1.5")),
        ("o", text("/unit")),
        ("v", variant(state)),
    ];
    for (signature, body) in calls {
        let call = read_call(&mut stream).await?;
        let serial = u32::from_le_bytes([call[8], call[9], call[10], call[11]]);
        stream.write_all(&reply(serial, signature, &body)).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Reads a message in little endian.
async fn read_call(stream: &mut BufStream<UnixStream>) -> io::Result<Vec<u8>> {
    let mut message = vec![0; HEAD];
    stream.read_exact(&mut message).await?;
    let number = |at: usize| usize::from(message[at]) + 256 * usize::from(message[at + 1]);
    let (body, fields) = (number(4), number(12));
    message.resize(HEAD + fields.next_multiple_of(8) + body, 0);
    stream.read_exact(&mut message[HEAD..]).await?;
    Ok(message)
}

fn reply(serial: u32, signature: &str, body: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("short").to_le_bytes();
    let mut fields = vec![5, 1, b'u', 0];
    fields.extend(serial.to_le_bytes());
    fields.extend([8, 1, b'g', 0, 1, signature.as_bytes()[0], 0]);
    let mut message = vec![b'l', 2, 1, 1];
    message.extend(length(body));
    message.extend(77_u32.to_le_bytes());
    message.extend(length(&fields));
    message.extend(fields);
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend(body);
    message
}

/// A string or an object path.
fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_le_bytes();
    [&length, text.as_bytes(), b"\0"].concat()
}

/// A variant that holds a string.
fn variant(of: &str) -> Vec<u8> {
    [b"\x01s\0\0", text(of).as_slice()].concat()
}
