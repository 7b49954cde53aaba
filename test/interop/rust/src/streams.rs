//! Raw streams, by the protocols that are asked for and served.
//!
//! This stands in for libp2p-stream, which opens a stream with one protocol only, one at a time,
//! and drops an inbound stream that comes while its receiver is busy with the one before.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures::channel::{mpsc, oneshot};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, InboundUpgrade, OutboundUpgrade, UpgradeInfo, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, NotifyHandler, StreamUpgradeError, SubstreamProtocol, ToSwarm,
        behaviour::ConnectionEstablished,
        handler::{
            ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
        },
    },
};

type Opened = Result<(Stream, StreamProtocol), StreamUpgradeError<Infallible>>;
pub type Reply = oneshot::Sender<Opened>;

pub struct Inbound {
    pub peer: PeerId,
    pub protocol: StreamProtocol,
    pub stream: Stream,
}

#[derive(Clone, Debug)]
pub struct Protocols(Vec<StreamProtocol>);

impl UpgradeInfo for Protocols {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Protocols {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Self::Error>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

#[derive(Debug)]
pub enum Order {
    Open(Protocols, Reply),
    Serve(StreamProtocol),
}

pub struct Handler {
    peer: PeerId,
    served: Protocols,
    inbound: mpsc::UnboundedSender<Inbound>,
    wanted: VecDeque<(Protocols, Reply)>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Order;
    type ToBehaviour = Infallible;
    type InboundProtocol = Protocols;
    type OutboundProtocol = Protocols;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocols> {
        SubstreamProtocol::new(self.served.clone(), ())
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Open(protocols, reply) => self.wanted.push_back((protocols, reply)),
            Order::Serve(protocol) => self.served.0.push(protocol),
        }
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Protocols, Reply, Infallible>> {
        match self.wanted.pop_front() {
            Some((protocols, reply)) => {
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                    protocol: SubstreamProtocol::new(protocols, reply),
                })
            }
            // An order wakes the connection that it goes to.
            None => Poll::Pending,
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Protocols, Protocols, (), Reply>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol),
                ..
            }) => {
                let peer = self.peer;
                let inbound = Inbound {
                    peer,
                    protocol,
                    stream,
                };
                // It fails only while the program ends.
                let _ = self.inbound.unbounded_send(inbound);
            }
            // Who has asked may have gone since: its stream is dropped, and so reset.
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol,
                info: reply,
            }) => drop(reply.send(Ok(protocol))),
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info: reply }) => {
                drop(reply.send(Err(error)))
            }
            _ => {}
        }
    }
}

pub struct Behaviour {
    served: Protocols,
    inbound: mpsc::UnboundedSender<Inbound>,
    connections: HashSet<(PeerId, ConnectionId)>,
    orders: VecDeque<ToSwarm<Infallible, Order>>,
}

impl Behaviour {
    pub fn new(served: Vec<StreamProtocol>) -> (Self, mpsc::UnboundedReceiver<Inbound>) {
        let (inbound, receiver) = mpsc::unbounded();
        let behaviour = Self {
            served: Protocols(served),
            inbound,
            connections: HashSet::new(),
            orders: VecDeque::new(),
        };
        (behaviour, receiver)
    }

    pub fn served(&self) -> &[StreamProtocol] {
        &self.served.0
    }

    pub fn connections(&self, peer: PeerId) -> usize {
        self.connections
            .iter()
            .filter(|(id, _)| *id == peer)
            .count()
    }

    /// The reply is dropped when there is no connection with that peer.
    pub fn open(&mut self, peer: PeerId, protocols: Vec<StreamProtocol>, reply: Reply) {
        self.orders.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::Any,
            event: Order::Open(Protocols(protocols), reply),
        });
    }

    pub fn serve(&mut self, protocol: StreamProtocol) {
        self.served.0.push(protocol.clone());
        let orders = self
            .connections
            .iter()
            .map(|&(peer_id, connection)| ToSwarm::NotifyHandler {
                peer_id,
                handler: NotifyHandler::One(connection),
                event: Order::Serve(protocol.clone()),
            });
        self.orders.extend(orders);
    }

    fn handler(&self, peer: PeerId) -> Handler {
        Handler {
            peer,
            served: self.served.clone(),
            inbound: self.inbound.clone(),
            wanted: VecDeque::new(),
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                ..
            }) => {
                self.connections.insert((peer_id, connection_id));
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.connections
                    .remove(&(closed.peer_id, closed.connection_id));
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Order>> {
        // Orders come from the task that polls, so that nobody needs to be woken.
        self.orders.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
