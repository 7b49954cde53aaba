//! The chat: its stream with each peer, whoever opened it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, StreamExt,
    io::{BufReader, ReadHalf, WriteHalf},
    lock::Mutex as AsyncMutex,
};
use libp2p::{PeerId, Stream};
use serde_json::json;

use crate::{Result, control};

type Writer = Arc<AsyncMutex<WriteHalf<Stream>>>;

#[derive(Clone, Default)]
pub struct Chats(Arc<Mutex<HashMap<PeerId, Writer>>>);

impl Chats {
    /// Keeps the stream for `say`; its reading half is for `listen`.
    pub fn keep(&self, peer: PeerId, stream: Stream) -> ReadHalf<Stream> {
        let (reader, writer) = stream.split();
        let writer = Arc::new(AsyncMutex::new(writer));
        self.0
            .lock()
            .expect("no holder of this lock panics")
            .insert(peer, writer);
        reader
    }

    pub async fn say(&self, peer: PeerId, text: &str) -> Result<()> {
        let writer = self
            .writer(peer)
            .ok_or_else(|| format!("There is no chat with {peer}."))?;
        let mut writer = writer.lock().await;
        writer.write_all(format!("{text}\n").as_bytes()).await?;
        Ok(writer.flush().await?)
    }

    fn writer(&self, peer: PeerId) -> Option<Writer> {
        self.0
            .lock()
            .expect("no holder of this lock panics")
            .get(&peer)
            .cloned()
    }
}

/// Lines become events, until the other side ends.
pub async fn listen(peer: PeerId, reader: ReadHalf<Stream>) -> Result<()> {
    let mut lines = BufReader::new(reader).lines();
    while let Some(text) = lines.next().await.transpose()? {
        if !text.is_empty() {
            let line = json!({ "peer": peer.to_string(), "text": text });
            control::print_event("line", line);
        }
    }
    Ok(())
}
