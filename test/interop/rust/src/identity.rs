//! The keys that this peer can have.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use libp2p::identity::Keypair;

use crate::Result;

pub const KINDS: [&str; 4] = ["ed25519", "secp256k1", "ecdsa", "rsa"];

pub fn generate(kind: &str) -> Result<Keypair> {
    match kind {
        "ed25519" => Ok(Keypair::generate_ed25519()),
        "secp256k1" => Ok(Keypair::generate_secp256k1()),
        "ecdsa" => Ok(Keypair::generate_ecdsa()),
        "rsa" => generate_rsa(),
        _ => Err(format!("There is no key of the kind {kind}.").into()),
    }
}

/// libp2p can read RSA keys but not make them.
fn generate_rsa() -> Result<Keypair> {
    let key = KeyPair::generate(KeySize::Rsa2048)?;
    let mut der: Vec<u8> = AsDer::<Pkcs8V1Der>::as_der(&key)?.as_ref().to_vec();
    Ok(Keypair::rsa_from_pkcs8(&mut der)?)
}
