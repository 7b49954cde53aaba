//! The command line.

use libp2p::{Multiaddr, identity::Keypair};

use crate::{Result, identity};

pub enum Security {
    Noise,
    TlsThenNoise,
}

pub struct Options {
    pub listen: Multiaddr,
    pub identity: Keypair,
    pub security: Security,
}

impl Options {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            listen: "/ip4/127.0.0.1/tcp/0".parse()?,
            identity: Keypair::generate_ed25519(),
            security: Security::Noise,
        };
        while let Some(flag) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{flag} needs a value."))?;
            options.set(&flag, &value)?;
        }
        Ok(options)
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<()> {
        match (flag, value) {
            ("--listen", address) => self.listen = address.parse()?,
            ("--key", kind) => self.identity = identity::generate(kind)?,
            ("--muxer", "plain") => {}
            ("--muxer", "early") => Err("rust-libp2p has no early muxer negotiation.")?,
            ("--security", "noise") => self.security = Security::Noise,
            ("--security", "default") => self.security = Security::TlsThenNoise,
            _ => Err(format!("{flag} {value} is not known here."))?,
        }
        Ok(())
    }
}
