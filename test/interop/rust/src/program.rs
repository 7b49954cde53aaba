//! What commands and served streams share.

use std::sync::Arc;

use libp2p::identify;
use tokio::sync::Notify;

use crate::{chat::Chats, node::Node};

#[derive(Clone)]
pub struct Program {
    pub node: Node,
    pub identify: identify::Config,
    pub chats: Chats,
    /// Wakes the streams on hold.
    pub release: Arc<Notify>,
}
