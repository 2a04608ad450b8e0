//! Settings: a flag comes before its `SELVEDGE_*` variable, which comes before its key in the TOML file. Everything
//! is parsed here, once, so that nothing behind it meets a setting that it cannot use.

mod destination;
mod file;
mod identity;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

pub use destination::{Destination, DestinationError, Secret, Sends, Target};
pub use file::FileError;
pub use identity::{IdentityError, RulesError, parse_rules, read_rules, rules_json, rules_text};

use file::File;

use crate::identity::Rules;
use crate::ingest::Limits;

/// Where the ledger is: what `serve` and every command beside it take.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PlaceFlags {
    /// Directory of the ledger [default: selvedge-data]
    #[arg(long, value_name = "DIR", env = "SELVEDGE_DATA", conflicts_with = "store")]
    pub data: Option<PathBuf>,
    /// The same as an address: sqlite:DIR
    #[arg(long, value_name = "URL", env = "SELVEDGE_STORE")]
    pub store: Option<String>,
    /// TOML file with the settings that flags and variables leave open
    #[arg(long, value_name = "FILE", env = "SELVEDGE_CONFIG")]
    pub config: Option<PathBuf>,
}

/// What the command line of `serve`, or its variables, may set.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeFlags {
    /// Where the ledger is.
    #[command(flatten)]
    pub place: PlaceFlags,
    /// Address to listen on; :0 picks a port on loopback [default: 127.0.0.1:8787]
    #[arg(long, value_name = "HOST:PORT", env = "SELVEDGE_LISTEN")]
    pub listen: Option<String>,
    /// Collector, or Segment-compatible service, that all events are sent on to
    #[arg(long, value_name = "URL", env = "SELVEDGE_UPSTREAM", requires = "upstream_key")]
    pub upstream: Option<String>,
    /// Whether clear addresses, numbers and device ids are kept; false keeps keyed digests instead, of a new ledger only
    /// [default: true]
    #[arg(long, value_name = "BOOL", env = "SELVEDGE_STORE_CLEAR")]
    pub store_clear: Option<bool>,
    /// Secret key for the upstream
    #[arg(long, value_name = "KEY", env = "SELVEDGE_UPSTREAM_KEY", hide_env_values = true)]
    pub upstream_key: Option<String>,
}

/// What `serve` runs by.
#[derive(Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Directory of the ledger.
    pub data: PathBuf,
    /// How much is too much.
    pub limits: Limits,
    /// Whether the ledger keeps clear values.
    pub store_clear: bool,
    /// Hosts that a click redirect may lead to.
    pub redirect_hosts: Vec<Box<str>>,
    /// What names whom, if the settings say it. A ledger keeps the rules that it was built with.
    pub rules: Option<Rules>,
    /// Where events and profiles go.
    pub destinations: Vec<Destination>,
}

impl Config {
    /// Settles every setting of `serve`: flags and variables first, then the file, then the defaults.
    pub fn settle(flags: ServeFlags) -> Result<Self, ConfigError> {
        let file = File::read(flags.place.config.as_deref())?;
        let data = data_directory(&flags.place, &file)?;
        let listen = flags.listen.or(file.listen).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let upstream = flags.upstream.or(file.upstream);
        let upstream_key = flags.upstream_key.or(file.upstream_key);
        let mut destinations = Vec::new();
        if let Some(url) = upstream {
            let key = upstream_key.ok_or(ConfigError::UpstreamWithoutKey)?;
            destinations.push(Destination::upstream(&url, &key)?);
        }
        for table in file.destination {
            let destination = Destination::settle(table)?;
            if destinations.iter().any(|other: &Destination| other.name == destination.name) {
                return Err(ConfigError::SameName { name: destination.name });
            }
            destinations.push(destination);
        }
        Ok(Self {
            listen: address(&listen)?,
            data,
            limits: file.limits,
            store_clear: flags.store_clear.or(file.store_clear).unwrap_or(true),
            redirect_hosts: file.redirect_hosts,
            rules: file.identity.map(|table| table.settle()).transpose()?,
            destinations,
        })
    }
}

/// The directory of the ledger, for commands that need no other setting.
pub fn settle_place(flags: &PlaceFlags) -> Result<PathBuf, ConfigError> {
    let file = File::read(flags.config.as_deref())?;
    data_directory(flags, &file)
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum ConfigError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("listen = \"{text}\" is no address: write HOST:PORT, such as 127.0.0.1:8787, or :0 to pick a port")]
    Listen { text: String },
    #[error("store = \"{url}\" cannot be opened: write sqlite:DIR (or use --data DIR)")]
    Store { url: String },
    #[error("set either data or store, not both: they name the same thing")]
    DataAndStore,
    #[error("an upstream needs a key: set --upstream-key, SELVEDGE_UPSTREAM_KEY or upstream_key")]
    UpstreamWithoutKey,
    #[error("two destinations are named \"{name}\": the name keeps their place in the ledger, so each needs its own")]
    SameName { name: Box<str> },
    #[error("[identity]: {0}")]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

fn data_directory(flags: &PlaceFlags, file: &File) -> Result<PathBuf, ConfigError> {
    match (&flags.data, &flags.store, &file.data, &file.store) {
        (Some(directory), ..) => Ok(directory.clone()),
        (None, Some(url), ..) => sqlite_directory(url),
        (None, None, Some(_), Some(_)) => Err(ConfigError::DataAndStore),
        (None, None, Some(directory), None) => Ok(directory.clone()),
        (None, None, None, Some(url)) => sqlite_directory(url),
        (None, None, None, None) => Ok(PathBuf::from(DEFAULT_DATA)),
    }
}

fn sqlite_directory(url: &str) -> Result<PathBuf, ConfigError> {
    match url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest)) {
        Some(directory) if !directory.is_empty() => Ok(Path::new(directory).to_owned()),
        _ => Err(ConfigError::Store { url: url.to_owned() }),
    }
}

/// A missing host is loopback: who means every interface has to say so.
fn address(text: &str) -> Result<SocketAddr, ConfigError> {
    let with_host = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    let first = with_host.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    first.ok_or_else(|| ConfigError::Listen { text: text.to_owned() })
}

const DEFAULT_LISTEN: &str = "127.0.0.1:8787";
const DEFAULT_DATA: &str = "selvedge-data";

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_flag_comes_before_the_file_and_the_file_before_the_default() {
        let file = toml("listen = \"127.0.0.1:1001\"\ndata = \"from-file\"\nstore_clear = true");
        let from_file = Config::settle(flags(&file)).unwrap();
        assert_eq!((from_file.listen.port(), from_file.data), (1001, PathBuf::from("from-file")));
        let mut flags = flags(&file);
        flags.listen = Some("127.0.0.1:1002".to_owned());
        flags.place.store = Some("sqlite:from-flag".to_owned());
        flags.store_clear = Some(false);
        let from_flag = Config::settle(flags).unwrap();
        assert_eq!((from_flag.listen.port(), from_flag.data), (1002, PathBuf::from("from-flag")));
        let default = Config::settle(ServeFlags::default()).unwrap();
        assert_eq!((default.listen.port(), default.data), (8787, PathBuf::from("selvedge-data")));
        assert!(from_file.store_clear && !from_flag.store_clear && default.store_clear);
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name_and_line() {
        let file = toml("listen = \":0\"\nlisten_adress = \":0\"");
        let refusal = Config::settle(flags(&file)).unwrap_err().to_string();
        assert!(refusal.contains("unknown field `listen_adress`"), "{refusal}");
        assert!(refusal.contains("line 2"), "{refusal}");
    }

    #[test]
    fn a_missing_host_is_loopback() {
        assert_eq!(address(":0").unwrap().to_string(), "127.0.0.1:0");
        assert!(matches!(address("8787"), Err(ConfigError::Listen { .. })));
    }

    #[test]
    fn a_store_that_this_build_cannot_open_is_refused() {
        let mut flags = ServeFlags::default();
        flags.place.store = Some("postgres://localhost/selvedge".to_owned());
        assert!(matches!(Config::settle(flags), Err(ConfigError::Store { .. })));
    }

    #[test]
    fn an_upstream_is_the_short_form_of_a_destination() {
        let file = toml(
            "upstream = \"http://127.0.0.1:9/\"\nupstream_key = \"sk_x\"\n[[destination]]\nname = \"crm\"\ntype = \"webhook\"\nurl = \"https://crm.example/hook\"\nsecret = \"0123456789abcdef\"",
        );
        let config = Config::settle(flags(&file)).unwrap();
        let [upstream, crm] = &config.destinations[..] else { panic!("two destinations") };
        assert!(matches!(upstream.target, Target::Segment { .. }));
        assert!(upstream.sends.events && !upstream.sends.profiles);
        assert!(matches!(crm.target, Target::Webhook { allow_private: false, .. }));
        assert!(!crm.sends.events && crm.sends.profiles);
    }

    #[test]
    fn two_destinations_of_one_name_are_refused() {
        let table = "[[destination]]\nname = \"a\"\ntype = \"segment\"\nurl = \"https://a.example\"\nkey = \"k\"\n";
        let file = toml(&table.repeat(2));
        assert!(matches!(Config::settle(flags(&file)), Err(ConfigError::SameName { .. })));
    }

    fn toml(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn flags(file: &tempfile::NamedTempFile) -> ServeFlags {
        let mut flags = ServeFlags::default();
        flags.place.config = Some(file.path().to_owned());
        flags
    }
}
