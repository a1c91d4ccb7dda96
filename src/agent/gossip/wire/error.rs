//! Why bytes are not what they should be.

/// Why bytes could not be decoded, opened or sealed. Never a fault of ours: peers send what they like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// There is nothing where something must be.
    #[error("empty {0}")]
    Empty(&'static str),
    /// The bytes end in the middle of a value.
    #[error("ends in the middle of a value")]
    Truncated,
    /// A value of another kind.
    #[error("expected {wanted}, got msgpack marker {marker:#04x}")]
    Unexpected {
        /// The kind that belongs there.
        wanted: &'static str,
        /// The first byte of what is there.
        marker: u8,
    },
    /// A number that its field cannot hold.
    #[error("number out of range for {0}")]
    OutOfRange(&'static str),
    /// More bytes or elements than the bound.
    #[error("{what} of {size} is larger than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, as announced.
        size: usize,
        /// The bound.
        limit: usize,
    },
    /// More values in fields that nobody knows, or more layers around a message, than anybody sends.
    #[error("nested too deeply")]
    TooDeep,
    /// A name or text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A type byte that does not belong here.
    #[error("unexpected {what} type {kind}")]
    UnknownType {
        /// Which kind of type.
        what: &'static str,
        /// The byte.
        kind: u8,
    },
    /// A field without which the message means nothing.
    #[error("missing {0}")]
    Missing(&'static str),
    /// An address that is neither IPv4 nor IPv6.
    #[error("address of {0} bytes is neither IPv4 nor IPv6")]
    Address(usize),
    /// One message could not be decoded.
    #[error("failed to decode {kind}: {source}")]
    Message {
        /// Its kind.
        kind: &'static str,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// The CRC is another one.
    #[error("invalid checksum: sent {sent:#010x}, computed {computed:#010x}")]
    Checksum {
        /// The sender's.
        sent: u32,
        /// Ours.
        computed: u32,
    },
    /// Compressed bytes that cannot be decompressed.
    #[error("failed to decompress: {0}")]
    Decompress(&'static str),
    /// The label is missing, another one, or not wanted.
    #[error("{0}")]
    Label(&'static str),
    /// Made by a version of the encryption that nobody knows.
    #[error("unsupported encryption version {0}")]
    EncryptionVersion(u8),
    /// Shorter than an encrypted message can be.
    #[error("payload is too small to decrypt: {0}")]
    TooSmallToDecrypt(usize),
    /// None of the keys fits, or the bytes were changed on the way.
    #[error("no installed keys could decrypt the message")]
    NoKeyFits,
    /// Encrypted, and we have no keys.
    #[error("remote state is encrypted and encryption is not configured")]
    UnexpectedEncryption,
    /// Not encrypted, and we insist.
    #[error("encryption is configured but remote state is not encrypted")]
    MissingEncryption,
    /// Padding that is longer than the message.
    #[error("invalid padding")]
    Padding,
}

impl WireError {
    /// Whether more bytes might help.
    pub(super) fn is_truncated(&self) -> bool {
        match self {
            Self::Truncated => true,
            Self::Message { source, .. } => source.is_truncated(),
            _ => false,
        }
    }

    /// Names the kind of message that failed.
    pub(super) fn of(kind: &'static str) -> impl FnOnce(Self) -> Self {
        move |source| match source {
            Self::Message { .. } => source,
            source => Self::Message {
                kind,
                source: Box::new(source),
            },
        }
    }
}
