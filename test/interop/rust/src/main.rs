//! The peer program of parley's interoperability tests on rust-libp2p. Its contract is in
//! ../../README.md.

mod behaviour;
mod chat;
mod commands;
mod control;
mod identity;
mod node;
mod options;
mod pattern;
mod program;
mod serve;
mod streams;
mod transfers;

use std::{
    env, error, io,
    process::{self, ExitCode},
};

use libp2p::multiaddr::Protocol;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::{chat::Chats, node::Node, options::Options, program::Program};

type Error = Box<dyn error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

const REFUSED: u8 = 3;
/// What was linked: the build runs with --locked.
const LOCK_FILE: &str = include_str!("../Cargo.lock");

fn main() -> Result<ExitCode> {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(refusal) => {
            eprintln!("{refusal}");
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let runtime = Runtime::new()?;
    let program = runtime.block_on(start(options))?;
    for line in io::stdin().lines() {
        runtime.spawn(control::answer(program.clone(), line?));
    }
    process::exit(0)
}

async fn start(options: Options) -> Result<Program> {
    let identify = behaviour::identify_config(&options.identity);
    let (swarm, inbound) = behaviour::swarm(options, serve::protocols())?;
    let program = Program {
        node: Node::start(swarm).await,
        identify,
        chats: Chats::default(),
        release: Default::default(),
    };
    tokio::spawn(serve::serve_all(program.clone(), inbound));
    print_ready(&program).await?;
    Ok(program)
}

async fn print_ready(program: &Program) -> Result<()> {
    let peer = program.identify.local_public_key().to_peer_id();
    let (_, addresses) = program.node.describe().await?;
    let ready = json!({
        "implementation": "rust-libp2p",
        "version": libp2p_version().ok_or("Cargo.lock does not name libp2p.")?,
        "peer": peer.to_string(),
        "addresses": addresses
            .into_iter()
            .map(|address| address.with(Protocol::P2p(peer)).to_string())
            .collect::<Vec<_>>(),
        "keys": identity::KINDS,
    });
    control::print_event("ready", ready);
    Ok(())
}

fn libp2p_version() -> Option<&'static str> {
    let (_, rest) = LOCK_FILE.split_once("name = \"libp2p\"\nversion = \"")?;
    rest.split_once('"').map(|(version, _)| version)
}
