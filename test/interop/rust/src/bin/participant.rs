//! rust-libp2p as one side of a test of libp2p/test-plans or libp2p/unified-testing, for TCP, Noise
//! and yamux. The listener publishes its address in Redis and stays; the dialer takes it, dials,
//! pings once and prints what that took. Logs go to stderr.

use std::{
    env, error,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{self, ExitCode},
    thread,
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, ping, swarm::SwarmEvent, tcp, yamux};
use tokio::runtime::Runtime;

type Error = Box<dyn error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

const REFUSED: u8 = 2;
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// No reply holds more than an address.
const MAX_REPLY: usize = 4096;

fn main() -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(refusal) => {
            eprintln!("{refusal}");
            return ExitCode::from(REFUSED);
        }
    };
    end_after(settings.timeout);
    match run(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn end_after(timeout: Duration) {
    thread::spawn(move || {
        thread::sleep(timeout);
        eprintln!("not done within {timeout:?}");
        process::exit(1)
    });
}

fn run(settings: &Settings) -> Result<()> {
    let mut redis = Redis::connect(&settings.redis);
    Runtime::new()?.block_on(async {
        let swarm = new_swarm()?;
        if settings.is_dialer {
            dial(swarm, &redis.pop(&settings.key)?, settings).await
        } else {
            listen(swarm, &mut redis, settings).await
        }
    })
}

struct Settings {
    is_dialer: bool,
    ip: String,
    redis: String,
    key: String,
    timeout: Duration,
    is_json: bool,
}

impl Settings {
    fn from_environment() -> Result<Self> {
        let is_json = env::var("IS_DIALER").is_err();
        let names = if is_json {
            [
                "is_dialer",
                "transport",
                "security",
                "muxer",
                "ip",
                "redis_addr",
                "test_timeout_seconds",
            ]
        } else {
            [
                "IS_DIALER",
                "TRANSPORT",
                "SECURE_CHANNEL",
                "MUXER",
                "LISTENER_IP",
                "REDIS_ADDR",
                "TEST_TIMEOUT_SECS",
            ]
        };
        let [role, transport, security, muxer, ip, redis, timeout] = names;
        let spoken = [transport, security, muxer].map(|name| variable(name, "nothing"));
        if spoken != ["tcp", "noise", "yamux"] {
            let spoken = spoken.join(", ");
            return Err(format!("this program speaks tcp, noise, yamux, not {spoken}").into());
        }
        Ok(Self {
            is_dialer: variable(role, "") == "true",
            ip: variable(ip, "0.0.0.0"),
            redis: variable(redis, "redis:6379"),
            key: if is_json {
                "listenerAddr".into()
            } else {
                variable("TEST_KEY", "") + "_listener_multiaddr"
            },
            timeout: Duration::from_secs(variable(timeout, "180").parse()?),
            is_json,
        })
    }

    fn report(&self, handshake_plus_one_rtt: Duration, ping: Duration) -> String {
        let [handshake, ping] = [handshake_plus_one_rtt, ping].map(|it| it.as_secs_f64() * 1000.0);
        if self.is_json {
            format!(
                r#"{{"handshakePlusOneRTTMillis": {handshake:.3}, "pingRTTMilllis": {ping:.3}}}"#
            )
        } else {
            format!(
                "latency:\n  handshake_plus_one_rtt: {handshake:.3}\n  ping_rtt: {ping:.3}\n  unit: ms"
            )
        }
    }
}

fn variable(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.into())
}

fn new_swarm() -> Result<Swarm<ping::Behaviour>> {
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(
            tcp::Config::default(),
            noise::Config::new,
            yamux::Config::default,
        )?
        .with_behaviour(|_| ping::Behaviour::default())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build())
}

/// Never comes back: whoever started it stops it.
async fn listen(
    mut swarm: Swarm<ping::Behaviour>,
    redis: &mut Redis,
    settings: &Settings,
) -> Result<()> {
    swarm.listen_on(format!("/ip4/{}/tcp/0", settings.ip).parse()?)?;
    loop {
        let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await else {
            continue;
        };
        if address.to_string().starts_with("/ip4/127.") {
            continue;
        }
        let published = format!("{address}/p2p/{}", swarm.local_peer_id());
        redis.command(&["RPUSH", &settings.key, &published])?;
        eprintln!("published {published}");
    }
}

async fn dial(mut swarm: Swarm<ping::Behaviour>, address: &str, settings: &Settings) -> Result<()> {
    eprintln!("dials {address}");
    let begin = Instant::now();
    swarm.dial(address.parse::<Multiaddr>()?)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::Behaviour(ping::Event { result, .. }) => {
                println!("{}", settings.report(begin.elapsed(), result?));
                return Ok(());
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            _ => {}
        }
    }
}

/// One connection to Redis: as much of its protocol as the suites need.
struct Redis(BufReader<TcpStream>);

impl Redis {
    /// Waits until Redis is up.
    fn connect(address: &str) -> Self {
        loop {
            match TcpStream::connect(address) {
                Ok(stream) => return Self(BufReader::new(stream)),
                Err(_) => thread::sleep(RETRY_DELAY),
            }
        }
    }

    /// Waits for the head of a list.
    fn pop(&mut self, key: &str) -> Result<String> {
        let mut reply = self.command(&["BLPOP", key, "0"])?;
        reply
            .pop()
            .ok_or_else(|| "Redis answered without a value".into())
    }

    fn command(&mut self, words: &[&str]) -> Result<Vec<String>> {
        let parts: String = words
            .iter()
            .map(|word| format!("${}\r\n{word}\r\n", word.len()))
            .collect();
        self.0
            .get_mut()
            .write_all(format!("*{}\r\n{parts}", words.len()).as_bytes())?;
        let line = self.line()?;
        match line.strip_prefix('*') {
            Some(count) => (0..bounded(count)?).map(|_| self.text()).collect(),
            None if line.starts_with([':', '+']) => Ok(vec![line]),
            None => Err(format!("Redis answered {line:?}").into()),
        }
    }

    fn text(&mut self) -> Result<String> {
        let line = self.line()?;
        let length = line
            .strip_prefix('$')
            .ok_or_else(|| format!("Redis answered {line:?}"))?;
        let mut bytes = vec![0; bounded(length)?];
        self.0.read_exact(&mut bytes)?;
        self.line()?;
        Ok(String::from_utf8(bytes)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.0
            .by_ref()
            .take(MAX_REPLY as u64)
            .read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(text.into()),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

fn bounded(digits: &str) -> Result<usize> {
    let length: usize = digits.parse()?;
    if length > MAX_REPLY {
        return Err(format!("Redis announced {length} bytes").into());
    }
    Ok(length)
}
