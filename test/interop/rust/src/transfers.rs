//! What is done with the streams that this peer opens.

use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use futures::{
    AsyncReadExt, AsyncWriteExt,
    future::{try_join, try_join_all},
};
use libp2p::{PeerId, Stream, StreamProtocol, ping};

use crate::{
    Result,
    node::Node,
    pattern::{self, BLOCK, Digest, Pattern},
    serve::{ECHO, MUTE, PERF, RESET, SOURCE},
};

const RESET_EXPECTED_WITHIN: u64 = 256 << 20;
const ASKED_FOR_BEFORE_RESET: u64 = 64 << 20;

pub async fn open(node: &Node, peer: PeerId, protocol: &'static str) -> Result<Stream> {
    let (stream, _) = node.open(peer, vec![StreamProtocol::new(protocol)]).await?;
    Ok(stream)
}

pub async fn ping(node: &Node, peer: PeerId, count: u64) -> Result<Vec<Duration>> {
    let (mut stream, _) = node.open(peer, vec![ping::PROTOCOL_NAME]).await?;
    let mut rtts = Vec::new();
    for _ in 0..count {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)?;
        let start = Instant::now();
        there_and_back(&mut stream, &bytes).await?;
        rtts.push(start.elapsed());
    }
    stream.close().await?;
    Ok(rtts)
}

pub async fn select(
    node: &Node,
    peer: PeerId,
    protocols: Vec<StreamProtocol>,
) -> Result<StreamProtocol> {
    let (mut stream, protocol) = node.open(peer, protocols).await?;
    stream.write_all(b"hello").await?;
    stream.close().await?;
    let mut echo = Vec::new();
    stream.read_to_end(&mut echo).await?;
    match echo.as_slice() {
        b"hello" => Ok(protocol),
        other => Err(format!("The echo of hello is {}.", other.escape_ascii()).into()),
    }
}

pub async fn echo(node: &Node, peer: PeerId, bytes: u64) -> Result<Digest> {
    let (mut reader, mut writer) = open(node, peer, ECHO).await?.split();
    let write = async {
        pattern::write(&mut writer, bytes).await?;
        Ok(writer.close().await?)
    };
    let ((), digest) = try_join(write, Digest::of(&mut reader)).await?;
    Ok(digest)
}

pub async fn upload(
    node: &Node,
    peer: PeerId,
    protocol: StreamProtocol,
    bytes: u64,
) -> Result<Digest> {
    let (mut stream, _) = node.open(peer, vec![protocol]).await?;
    pattern::write(&mut stream, bytes).await?;
    stream.close().await?;
    Digest::read(&mut stream).await
}

pub async fn download(node: &Node, peer: PeerId, bytes: u64) -> Result<Digest> {
    let mut stream = open(node, peer, SOURCE).await?;
    stream.write_all(&bytes.to_be_bytes()).await?;
    stream.close().await?;
    Digest::of(&mut stream).await
}

pub async fn mute(node: &Node, peer: PeerId, bytes: u64) -> Result<()> {
    let mut stream = open(node, peer, MUTE).await?;
    let received = Digest::of(&mut stream).await?.bytes;
    if received > 0 {
        Err(format!("{received} bytes came from who should be mute."))?;
    }
    pattern::write(&mut stream, bytes).await?;
    Ok(stream.close().await?)
}

pub async fn be_reset(node: &Node, peer: PeerId) -> Result<u64> {
    let mut stream = open(node, peer, RESET).await?;
    let mut pattern = Pattern::new(RESET_EXPECTED_WITHIN);
    let mut written = 0;
    while let Some(block) = pattern.next_block() {
        if stream.write_all(block).await.is_err() {
            return Ok(written);
        }
        written += block.len() as u64;
    }
    Err(format!("No reset has come within {written} bytes.").into())
}

/// A stream that is dropped before it is closed is reset.
pub async fn reset(node: &Node, peer: PeerId) -> Result<()> {
    let mut stream = open(node, peer, SOURCE).await?;
    stream
        .write_all(&ASKED_FOR_BEFORE_RESET.to_be_bytes())
        .await?;
    stream.flush().await?;
    Ok(stream.read_exact(&mut vec![0; BLOCK]).await?)
}

pub async fn streams_at_once(node: &Node, peer: PeerId, count: u64) -> Result<()> {
    let streams = try_join_all((0..count).map(|_| open(node, peer, ECHO))).await?;
    try_join_all(streams.into_iter().map(hundred_bytes)).await?;
    Ok(())
}

pub async fn streams_in_a_row(node: &Node, peer: PeerId, count: u64) -> Result<()> {
    for _ in 0..count {
        hundred_bytes(open(node, peer, ECHO).await?).await?;
    }
    Ok(())
}

async fn hundred_bytes(mut stream: Stream) -> Result<()> {
    there_and_back(&mut stream, &[100; 100]).await?;
    stream.close().await?;
    match stream.read(&mut [0]).await? {
        0 => Ok(()),
        _ => Err("More came back than was sent.".into()),
    }
}

async fn there_and_back(stream: &mut Stream, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    let mut echo = vec![0; bytes.len()];
    stream.read_exact(&mut echo).await?;
    match echo == bytes {
        true => Ok(()),
        false => Err("The echo differs from what was sent.".into()),
    }
}

pub async fn perf(
    node: &Node,
    peer: PeerId,
    upload: u64,
    download: u64,
) -> Result<(Duration, u64)> {
    let start = Instant::now();
    let mut stream = open(node, peer, PERF).await?;
    stream.write_all(&download.to_be_bytes()).await?;
    pattern::write(&mut stream, upload).await?;
    stream.close().await?;
    let received = Digest::of(&mut stream).await?.bytes;
    Ok((start.elapsed(), received))
}
