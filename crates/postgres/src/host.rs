//! Where a server listens.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// On a port of a machine.
    Tcp {
        /// The machine's name or address, which its certificate must be for.
        name: String,
        /// Where to connect instead of asking what the name stands for (libpq's `hostaddr`).
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
    /// On a Unix socket of this machine.
    Unix {
        /// The folder of the socket.
        folder: PathBuf,
        /// The number in the socket's name.
        port: u16,
    },
}

impl Host {
    /// Whether it is on this machine, so that nobody listens on the way.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Tcp {
                address: Some(address),
                ..
            } => address.is_loopback(),
            Self::Tcp { name, .. } => is_loopback(name),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Tcp { port, .. } | Self::Unix { port, .. } => *port,
        }
    }

    /// The socket's own path.
    pub(crate) fn socket(folder: &std::path::Path, port: u16) -> PathBuf {
        folder.join(format!(".s.PGSQL.{port}"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { name, port, .. } if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Tcp { name, port, .. } => write!(f, "{name}:{port}"),
            Self::Unix { folder, port } => Self::socket(folder, *port).display().fmt(f),
        }
    }
}

/// Whether a host name or address is this machine, so that nobody listens on the way.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn this_machine_is_told_from_others() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "10.0.0.1",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "::",
            "0.0.0.0",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
