//! The swarm in a task of its own, and the handle that commands use it with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{
    StreamExt,
    channel::{mpsc, oneshot},
    future::join_all,
    select,
};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, identify, ping,
    swarm::{self, ConnectionId, dial_opts::DialOpts},
};
use serde_json::json;
use tokio::sync::broadcast;

use crate::{
    Error, Result,
    behaviour::{Behaviour, BehaviourEvent},
    control,
};

type Request = Box<dyn FnOnce(&mut Swarm<Behaviour>) + Send>;
type Identified = HashMap<PeerId, Arc<identify::Info>>;

#[derive(Clone)]
enum Event {
    Connected {
        peer: PeerId,
        connection: ConnectionId,
        first: bool,
    },
    DialFailed {
        connection: ConnectionId,
        reason: String,
    },
    Disconnected {
        peer: PeerId,
    },
    Identified {
        peer: PeerId,
        info: Arc<identify::Info>,
    },
    Pinged {
        peer: PeerId,
        rtt: std::result::Result<Duration, String>,
    },
}

type SwarmEvent = swarm::SwarmEvent<BehaviourEvent>;

impl Event {
    /// What no command waits for goes to the log.
    fn of(event: SwarmEvent) -> Option<Self> {
        Some(match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                num_established,
                ..
            } => {
                let first = num_established.get() == 1;
                Self::Connected {
                    peer: peer_id,
                    connection: connection_id,
                    first,
                }
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                error,
                ..
            } => Self::DialFailed {
                connection: connection_id,
                reason: error.to_string(),
            },
            SwarmEvent::ConnectionClosed {
                peer_id,
                num_established: 0,
                ..
            } => Self::Disconnected { peer: peer_id },
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => Self::Identified {
                peer: peer_id,
                info: info.into(),
            },
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, result, .. })) => {
                Self::Pinged {
                    peer,
                    rtt: result.map_err(|failure| failure.to_string()),
                }
            }
            other => {
                eprintln!("{other:?}");
                return None;
            }
        })
    }
}

#[derive(Clone)]
pub struct Node {
    requests: mpsc::UnboundedSender<Request>,
    events: broadcast::Sender<Event>,
    identified: Arc<Mutex<Identified>>,
}

impl Node {
    /// Waits for the swarm to listen, then runs it.
    pub async fn start(mut swarm: Swarm<Behaviour>) -> Self {
        while swarm.listeners().next().is_none() {
            swarm.select_next_some().await;
        }
        let (requests, receiver) = mpsc::unbounded();
        let node = Self {
            requests,
            events: broadcast::channel(1024).0,
            identified: Arc::default(),
        };
        tokio::spawn(node.clone().run(swarm, receiver));
        node
    }

    async fn run(
        self,
        mut swarm: Swarm<Behaviour>,
        mut requests: mpsc::UnboundedReceiver<Request>,
    ) {
        loop {
            select! {
                request = requests.select_next_some() => request(&mut swarm),
                event = swarm.select_next_some() => {
                    if let Some(event) = Event::of(event) {
                        self.tell(event);
                    }
                }
            }
        }
    }

    fn tell(&self, event: Event) {
        match &event {
            Event::Connected {
                peer, first: true, ..
            } => {
                control::print_event("connected", json!({ "peer": peer.to_string() }));
            }
            Event::Disconnected { peer } => {
                control::print_event("disconnected", json!({ "peer": peer.to_string() }));
                self.identified().remove(peer);
            }
            Event::Identified { peer, info } => {
                self.identified().insert(*peer, info.clone());
            }
            _ => {}
        }
        // It fails when nobody waits for an event.
        let _ = self.events.send(event);
    }

    fn identified(&self) -> MutexGuard<'_, Identified> {
        self.identified
            .lock()
            .expect("no holder of this lock panics")
    }

    /// Does something with the swarm, in its task.
    pub async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Swarm<Behaviour>) -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        // The reply is dropped with the request when the swarm has ended.
        let _ = self
            .requests
            .unbounded_send(Box::new(|swarm| drop(reply.send(act(swarm)))));
        Ok(answer.await?)
    }

    pub async fn dial(&self, address: Multiaddr) -> Result<PeerId> {
        let options = DialOpts::from(address);
        let dialled = options.connection_id();
        let events = self.events.subscribe();
        self.with(|swarm| swarm.dial(options)).await??;
        first(events, |event| match event {
            Event::Connected {
                peer, connection, ..
            } if connection == dialled => Some(Ok(peer)),
            Event::DialFailed { connection, reason } if connection == dialled => {
                Some(Err(reason.into()))
            }
            _ => None,
        })
        .await
    }

    pub async fn connections(&self, peer: PeerId) -> Result<usize> {
        self.with(move |swarm| swarm.behaviour().streams.connections(peer))
            .await
    }

    /// The protocols that are served, and the addresses that are listened on.
    pub async fn describe(&self) -> Result<(Vec<StreamProtocol>, Vec<Multiaddr>)> {
        self.with(|swarm| {
            let services = [
                identify::PROTOCOL_NAME,
                identify::PUSH_PROTOCOL_NAME,
                ping::PROTOCOL_NAME,
            ];
            let protocols = [&services, swarm.behaviour().streams.served()].concat();
            let addresses = swarm.listeners().chain(swarm.external_addresses());
            (protocols, addresses.cloned().collect())
        })
        .await
    }

    /// Serves one more protocol from now on.
    pub async fn serve(&self, protocol: StreamProtocol) -> Result<()> {
        self.with(|swarm| swarm.behaviour_mut().streams.serve(protocol))
            .await
    }

    /// Proposes the protocols one after another on one stream.
    pub async fn open(
        &self,
        peer: PeerId,
        protocols: Vec<StreamProtocol>,
    ) -> Result<(Stream, StreamProtocol)> {
        let (reply, answer) = oneshot::channel();
        self.with(move |swarm| swarm.behaviour_mut().streams.open(peer, protocols, reply))
            .await?;
        Ok(answer.await.map_err(|_| not_connected(peer))??)
    }

    /// What identify has told of a peer, as soon as it has.
    pub async fn identify(&self, peer: PeerId) -> Result<Arc<identify::Info>> {
        let events = self.events_with(peer).await?;
        let known = self.identified().get(&peer).cloned();
        if let Some(info) = known {
            return Ok(info);
        }
        first(events, |event| match event {
            Event::Disconnected { peer: gone } if gone == peer => Some(Err(not_connected(peer))),
            Event::Identified { peer: who, info } if who == peer => Some(Ok(info)),
            _ => None,
        })
        .await
    }

    /// The result of the next ping that the library sends by itself.
    pub async fn own_ping(&self, peer: PeerId) -> Result<Duration> {
        let events = self.events_with(peer).await?;
        first(events, |event| match event {
            Event::Disconnected { peer: gone } if gone == peer => Some(Err(not_connected(peer))),
            Event::Pinged { peer: pinged, rtt } if pinged == peer => Some(rtt.map_err(Into::into)),
            _ => None,
        })
        .await
    }

    pub async fn close(&self, peer: PeerId) -> Result<()> {
        let events = self.events_with(peer).await?;
        let _ = self
            .with(move |swarm| swarm.disconnect_peer_id(peer))
            .await?;
        first(events, |event| match event {
            Event::Disconnected { peer: gone } if gone == peer => Some(Ok(())),
            _ => None,
        })
        .await
    }

    /// Closes every connection.
    pub async fn stop(&self) -> Result<()> {
        let peers: Vec<_> = self
            .with(|swarm| swarm.connected_peers().copied().collect())
            .await?;
        join_all(peers.into_iter().map(|peer| self.close(peer))).await;
        Ok(())
    }

    async fn events_with(&self, peer: PeerId) -> Result<broadcast::Receiver<Event>> {
        let events = self.events.subscribe();
        match self.connections(peer).await? {
            0 => Err(not_connected(peer)),
            _ => Ok(events),
        }
    }
}

fn not_connected(peer: PeerId) -> Error {
    format!("There is no connection with {peer}.").into()
}

/// What `pick` makes of the first event that it does not pass over.
async fn first<T>(
    mut events: broadcast::Receiver<Event>,
    pick: impl Fn(Event) -> Option<Result<T>>,
) -> Result<T> {
    loop {
        if let Some(picked) = pick(events.recv().await?) {
            return picked;
        }
    }
}
