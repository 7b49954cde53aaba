//! The bytes that are sent, and the digest of those that have come.

use aws_lc_rs::digest::{Context, SHA256};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use serde_json::{Value, json};

use crate::Result;

pub const BLOCK: usize = 65_536;

/// The blocks of the pattern, one after another in the same memory.
pub struct Pattern {
    left: u64,
    index: u32,
    block: Vec<u8>,
}

impl Pattern {
    pub fn new(bytes: u64) -> Self {
        Self {
            left: bytes,
            index: 0,
            block: vec![0; BLOCK],
        }
    }

    pub fn next_block(&mut self) -> Option<&[u8]> {
        if self.left == 0 {
            return None;
        }
        let word = self.index.to_be_bytes();
        self.block
            .chunks_exact_mut(word.len())
            .for_each(|place| place.copy_from_slice(&word));
        let length = self.left.min(BLOCK as u64);
        self.left -= length;
        self.index += 1;
        Some(&self.block[..length as usize])
    }
}

pub async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: u64) -> Result<()> {
    let mut pattern = Pattern::new(bytes);
    while let Some(block) = pattern.next_block() {
        to.write_all(block).await?;
    }
    Ok(to.flush().await?)
}

pub struct Digest {
    pub bytes: u64,
    sha256: [u8; 32],
}

impl Digest {
    /// Reads to the end.
    pub async fn of(from: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let mut sha256 = Context::new(&SHA256);
        let mut bytes = 0;
        let mut buffer = vec![0; BLOCK];
        loop {
            match from.read(&mut buffer).await? {
                0 => break,
                length => {
                    sha256.update(&buffer[..length]);
                    bytes += length as u64;
                }
            }
        }
        Ok(Self {
            bytes,
            sha256: sha256.finish().as_ref().try_into()?,
        })
    }

    /// Reads the digest message of the other side, to the end.
    pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let mut message = Vec::new();
        from.take(41).read_to_end(&mut message).await?;
        if message.len() != 40 {
            Err(format!(
                "The digest message has {} bytes and not 40.",
                message.len()
            ))?;
        }
        let (bytes, sha256) = message.split_at(8);
        Ok(Self {
            bytes: u64::from_be_bytes(bytes.try_into()?),
            sha256: sha256.try_into()?,
        })
    }

    pub fn to_message(&self) -> Vec<u8> {
        [&self.bytes.to_be_bytes()[..], &self.sha256].concat()
    }

    pub fn to_json(&self) -> Value {
        json!({ "bytes": self.bytes, "sha256": hex(&self.sha256) })
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
