//! What the swarm is made of: the library's own services, and raw streams.

use std::time::Duration;

use futures::channel::mpsc;
use libp2p::{
    StreamProtocol, Swarm, SwarmBuilder, identify,
    identity::Keypair,
    noise, ping,
    swarm::{self, NetworkBehaviour},
    tcp, tls, yamux,
};

use crate::{
    Result,
    options::{Options, Security},
    streams::{self, Inbound},
};

pub const PROTOCOL_VERSION: &str = "ipfs/0.1.0";
/// Longer than any test.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub streams: streams::Behaviour,
}

pub fn identify_config(key: &Keypair) -> identify::Config {
    identify::Config::new_with_signed_peer_record(PROTOCOL_VERSION.into(), key)
}

pub fn swarm(
    options: Options,
    served: Vec<StreamProtocol>,
) -> Result<(Swarm<Behaviour>, mpsc::UnboundedReceiver<Inbound>)> {
    let (streams, inbound) = streams::Behaviour::new(served);
    let behaviour = |key: &Keypair| Behaviour {
        identify: identify::Behaviour::new(identify_config(key)),
        ping: ping::Behaviour::default(),
        streams,
    };
    let patient = |config: swarm::Config| config.with_idle_connection_timeout(IDLE_TIMEOUT);
    let builder = SwarmBuilder::with_existing_identity(options.identity).with_tokio();
    let tcp = tcp::Config::default();
    let mut swarm = match options.security {
        Security::Noise => builder
            .with_tcp(tcp, noise::Config::new, yamux::Config::default)?
            .with_behaviour(behaviour)?
            .with_swarm_config(patient)
            .build(),
        Security::TlsThenNoise => builder
            .with_tcp(
                tcp,
                (tls::Config::new, noise::Config::new),
                yamux::Config::default,
            )?
            .with_behaviour(behaviour)?
            .with_swarm_config(patient)
            .build(),
    };
    swarm.listen_on(options.listen)?;
    Ok((swarm, inbound))
}
