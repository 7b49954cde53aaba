//! What each command does and answers.

use libp2p::{Multiaddr, PeerId, StreamProtocol, identity::PublicKey};
use serde_json::{Value, json};

use crate::{
    Result, chat,
    control::Command,
    pattern::{Digest, hex},
    program::Program,
    serve::{CHAT, SINK},
    transfers,
};

pub async fn run(program: &Program, command: &Command) -> Result<Value> {
    let peer = || command.peer();
    let bytes = || command.number("bytes");
    match command.name()? {
        "self" => describe_self(program).await,
        "dial" => dial(program, command.address()?).await,
        "connections" => connections(program, peer()?).await,
        "ping" => ping(program, peer()?, command.number("count")?).await,
        "own-ping" => own_ping(program, peer()?).await,
        "identify" => identify(program, peer()?).await,
        "handle" => handle(program, command.protocol()?).await,
        "select" => select(program, peer()?, command.protocols()?).await,
        "echo" => digest(transfers::echo(&program.node, peer()?, bytes()?).await),
        "upload" => upload(program, command).await,
        "download" => digest(transfers::download(&program.node, peer()?, bytes()?).await),
        "mute" => done(transfers::mute(&program.node, peer()?, bytes()?).await),
        "be-reset" => be_reset(program, peer()?).await,
        "reset" => done(transfers::reset(&program.node, peer()?).await),
        "release" => release(program),
        "streams" => streams(program, command).await,
        "chat" => open_chat(program, peer()?).await,
        "say" => done(program.chats.say(peer()?, command.text("text")?).await),
        "perf" => perf(program, command).await,
        "close" => done(program.node.close(peer()?).await),
        "stop" => done(program.node.stop().await),
        other => Err(format!("There is no command {other}.").into()),
    }
}

fn done(result: Result<()>) -> Result<Value> {
    result.map(|()| json!({}))
}

fn digest(result: Result<Digest>) -> Result<Value> {
    result.map(|digest| digest.to_json())
}

fn texts(values: impl IntoIterator<Item = impl ToString>) -> Value {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn protobuf(key: &PublicKey) -> Value {
    hex(&key.encode_protobuf()).into()
}

async fn describe_self(program: &Program) -> Result<Value> {
    let (protocols, addresses) = program.node.describe().await?;
    Ok(json!({
        "agentVersion": program.identify.agent_version(),
        "protocolVersion": program.identify.protocol_version(),
        "protocols": texts(protocols),
        "listenAddrs": texts(addresses),
        "publicKey": protobuf(program.identify.local_public_key()),
    }))
}

async fn identify(program: &Program, peer: PeerId) -> Result<Value> {
    let info = program.node.identify(peer).await?;
    Ok(json!({
        "agentVersion": info.agent_version,
        "protocolVersion": info.protocol_version,
        "protocols": texts(&info.protocols),
        "listenAddrs": texts(&info.listen_addrs),
        "publicKey": protobuf(&info.public_key),
        "observedAddr": info.observed_addr.to_string(),
        "signedPeerRecord": info.signed_peer_record.is_some(),
    }))
}

async fn dial(program: &Program, address: Multiaddr) -> Result<Value> {
    let peer = program.node.dial(address).await?;
    Ok(json!({ "peer": peer.to_string() }))
}

async fn connections(program: &Program, peer: PeerId) -> Result<Value> {
    let count = program.node.connections(peer).await?;
    Ok(json!({ "count": count }))
}

async fn ping(program: &Program, peer: PeerId, count: u64) -> Result<Value> {
    let rtts = transfers::ping(&program.node, peer, count).await?;
    let rtts: Vec<_> = rtts.iter().map(|rtt| rtt.as_secs_f64() * 1000.0).collect();
    Ok(json!({ "rtts": rtts }))
}

async fn own_ping(program: &Program, peer: PeerId) -> Result<Value> {
    let rtt = program.node.own_ping(peer).await?;
    Ok(json!({ "rtt": rtt.as_secs_f64() * 1000.0 }))
}

async fn handle(program: &Program, protocol: StreamProtocol) -> Result<Value> {
    program.node.serve(protocol).await?;
    Ok(json!({}))
}

async fn select(program: &Program, peer: PeerId, protocols: Vec<StreamProtocol>) -> Result<Value> {
    let protocol = transfers::select(&program.node, peer, protocols).await?;
    Ok(json!({ "protocol": protocol.to_string() }))
}

async fn upload(program: &Program, command: &Command) -> Result<Value> {
    let protocol = match command.has("protocol") {
        true => command.protocol()?,
        false => StreamProtocol::new(SINK),
    };
    let (peer, bytes) = (command.peer()?, command.number("bytes")?);
    digest(transfers::upload(&program.node, peer, protocol, bytes).await)
}

async fn be_reset(program: &Program, peer: PeerId) -> Result<Value> {
    let written = transfers::be_reset(&program.node, peer).await?;
    Ok(json!({ "written": written }))
}

fn release(program: &Program) -> Result<Value> {
    program.release.notify_waiters();
    Ok(json!({}))
}

async fn streams(program: &Program, command: &Command) -> Result<Value> {
    let (peer, count) = (command.peer()?, command.number("count")?);
    match command.flag("atOnce") {
        true => transfers::streams_at_once(&program.node, peer, count).await?,
        false => transfers::streams_in_a_row(&program.node, peer, count).await?,
    }
    Ok(json!({ "count": count }))
}

async fn open_chat(program: &Program, peer: PeerId) -> Result<Value> {
    let stream = transfers::open(&program.node, peer, CHAT).await?;
    tokio::spawn(chat::listen(peer, program.chats.keep(peer, stream)));
    Ok(json!({}))
}

async fn perf(program: &Program, command: &Command) -> Result<Value> {
    let (upload, download) = (command.number("upload")?, command.number("download")?);
    let (time, bytes) = transfers::perf(&program.node, command.peer()?, upload, download).await?;
    Ok(json!({ "seconds": time.as_secs_f64(), "bytes": bytes }))
}
