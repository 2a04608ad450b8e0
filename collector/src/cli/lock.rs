//! Who has a data directory to themselves: a server for as long as it runs, who builds its ledger again, and who changes
//! it from the command line. A server leaves its address in the file, for commands that want something of it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::{CommandError, system};

/// Held for as long as the file is. `None` when another process holds it.
pub(super) fn take(directory: &Path) -> Result<Option<File>, CommandError> {
    let failed = || system("the data directory cannot be locked");
    fs::create_dir_all(directory).map_err(failed())?;
    // Not truncated: what stands in it is the address of whoever holds it.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(directory.join(FILE));
    let file = file.map_err(failed())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(source)) => return Err(failed()(source)),
    }
    // Where a server listened that is gone, nobody answers.
    file.set_len(0).map_err(failed())?;
    Ok(Some(file))
}

/// Tells other commands where the holder of the lock answers.
pub(super) fn announce(mut lock: &File, address: SocketAddr) -> Result<(), CommandError> {
    let written = lock.rewind().and_then(|()| writeln!(lock, "{address}"));
    written.map_err(system("the address could not be noted in the data directory"))
}

/// Where the holder of the lock answers; `None` when it has not said so.
pub(super) fn announced(directory: &Path) -> Result<Option<SocketAddr>, CommandError> {
    let mut text = String::new();
    let read = File::open(directory.join(FILE)).and_then(|mut file| file.read_to_string(&mut text));
    read.map_err(system("the address of the server cannot be read"))?;
    // A line that has no end is not written yet.
    let address = text.strip_suffix('\n').and_then(|line| line.parse::<SocketAddr>().ok());
    Ok(address.map(|address| match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }))
}

const FILE: &str = "serve.lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_held_by_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let lock = take(directory.path()).unwrap().unwrap();
        assert!(take(directory.path()).unwrap().is_none());
        drop(lock);
        assert!(take(directory.path()).unwrap().is_some());
    }

    #[test]
    fn the_address_of_the_holder_is_read_while_it_holds_and_forgotten_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let lock = take(directory.path()).unwrap().unwrap();
        assert_eq!(announced(directory.path()).unwrap(), None);
        announce(&lock, "127.0.0.1:8787".parse().unwrap()).unwrap();
        assert!(take(directory.path()).unwrap().is_none());
        assert_eq!(announced(directory.path()).unwrap(), Some("127.0.0.1:8787".parse().unwrap()));
        drop(lock);
        let next = take(directory.path()).unwrap().unwrap();
        assert_eq!(announced(directory.path()).unwrap(), None);
        announce(&next, "[::]:80".parse().unwrap()).unwrap();
        assert_eq!(announced(directory.path()).unwrap(), Some("[::1]:80".parse().unwrap()));
    }
}
