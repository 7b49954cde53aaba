//! What is done with the streams that others open.

use futures::{
    AsyncReadExt, AsyncWriteExt, StreamExt,
    channel::mpsc,
    io::{self, BufReader},
};
use libp2p::{PeerId, Stream, StreamProtocol};
use serde_json::json;

use crate::{
    Result, chat, control,
    pattern::{self, BLOCK, Digest},
    program::Program,
    streams::Inbound,
};

pub const ECHO: &str = "/interop/echo/1.0.0";
pub const SINK: &str = "/interop/sink/1.0.0";
pub const SOURCE: &str = "/interop/source/1.0.0";
pub const MUTE: &str = "/interop/mute/1.0.0";
pub const RESET: &str = "/interop/reset/1.0.0";
pub const HOLD: &str = "/interop/hold/1.0.0";
pub const CHAT: &str = "/chat/1.0.0";
pub const PERF: &str = "/perf/1.0.0";

pub fn protocols() -> Vec<StreamProtocol> {
    [ECHO, SINK, SOURCE, MUTE, RESET, HOLD, CHAT, PERF]
        .map(StreamProtocol::new)
        .into()
}

pub async fn serve_all(program: Program, mut streams: mpsc::UnboundedReceiver<Inbound>) {
    while let Some(Inbound {
        peer,
        protocol,
        stream,
    }) = streams.next().await
    {
        let program = program.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(&program, peer, &protocol, stream).await {
                eprintln!("{protocol} with {peer}: {error}");
            }
        });
    }
}

async fn serve(
    program: &Program,
    peer: PeerId,
    protocol: &StreamProtocol,
    stream: Stream,
) -> Result<()> {
    match protocol.as_ref() {
        SINK => sink(stream).await,
        SOURCE => source(stream).await,
        MUTE => mute(stream).await,
        RESET => reset(stream).await,
        HOLD => {
            program.release.notified().await;
            sink(stream).await
        }
        CHAT => chat::listen(peer, program.chats.keep(peer, stream)).await,
        PERF => perf(stream).await,
        _ => echo(stream).await,
    }
}

/// Serves, too, what the command `handle` has added.
async fn echo(stream: Stream) -> Result<()> {
    let (reader, mut writer) = stream.split();
    io::copy_buf(BufReader::with_capacity(BLOCK, reader), &mut writer).await?;
    Ok(writer.close().await?)
}

async fn sink(mut stream: Stream) -> Result<()> {
    let digest = Digest::of(&mut stream).await?;
    stream.write_all(&digest.to_message()).await?;
    Ok(stream.close().await?)
}

async fn source(mut stream: Stream) -> Result<()> {
    let sent = send_pattern(&mut stream).await;
    if sent.is_err() {
        control::print_event("reset", json!({ "protocol": SOURCE }));
    }
    sent
}

async fn send_pattern(stream: &mut Stream) -> Result<()> {
    let bytes = read_u64(stream).await?;
    pattern::write(stream, bytes).await?;
    Ok(stream.close().await?)
}

async fn mute(mut stream: Stream) -> Result<()> {
    stream.close().await?;
    let mut received = Digest::of(&mut stream).await?.to_json();
    received["protocol"] = MUTE.into();
    control::print_event("received", received);
    Ok(())
}

/// A stream that is dropped before it is closed is reset.
async fn reset(mut stream: Stream) -> Result<()> {
    Ok(stream.read_exact(&mut vec![0; BLOCK]).await?)
}

async fn perf(mut stream: Stream) -> Result<()> {
    let bytes = read_u64(&mut stream).await?;
    io::copy(&mut stream, &mut io::sink()).await?;
    pattern::write(&mut stream, bytes).await?;
    Ok(stream.close().await?)
}

async fn read_u64(stream: &mut Stream) -> Result<u64> {
    let mut number = [0; 8];
    stream.read_exact(&mut number).await?;
    Ok(u64::from_be_bytes(number))
}
