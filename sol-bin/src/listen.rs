//! Addresses to listen on: how they are written, and how they are bound.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::TAKES;

/// An address as the operator wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Form", into = "String")]
pub(crate) struct ListenAddress {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// Every address of this machine, IPv4 and IPv6.
    Any,
    Ip(IpAddr),
    Name(String),
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    Empty,
    Url(String),
    Port(String),
    Host(String),
}

impl ListenAddress {
    const RTMP_PORT: u16 = 1935;
}

/// Every address of this machine, on the port of RTMP.
impl Default for ListenAddress {
    fn default() -> Self {
        Self { host: Host::Any, port: Self::RTMP_PORT }
    }
}

/// An address as it stands in a file, where a port need not be quoted.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Port(i64),
    Address(String),
}

impl TryFrom<Form> for ListenAddress {
    type Error = AddressError;

    fn try_from(form: Form) -> Result<Self, AddressError> {
        match form {
            Form::Port(port) => match u16::try_from(port) {
                Ok(port) => Ok(Self { host: Host::Any, port }),
                Err(_) => Err(AddressError::Port(port.to_string())),
            },
            Form::Address(text) => text.parse(),
        }
    }
}

/// The address as it can be read again.
impl From<ListenAddress> for String {
    fn from(address: ListenAddress) -> String {
        match address.host {
            Host::Any => address.port.to_string(),
            Host::Ip(_) | Host::Name(_) => address.to_string(),
        }
    }
}

impl JsonSchema for ListenAddress {
    fn schema_name() -> Cow<'static, str> {
        "ListenAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let takes = "a port, an IP address or a host name, such as \"192.0.2.7:1935\"";
        json_schema!({ "type": ["string", "integer"], "minimum": 0, "maximum": u16::MAX, TAKES: takes })
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let port = |text: &str| text.parse::<u16>().map_err(|_| AddressError::Port(text.to_owned()));
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.contains("://") {
            return Err(AddressError::Url(text.to_owned()));
        }
        if let Ok(ip) = text.parse() {
            return Ok(Self { host: Host::Ip(ip), port: Self::RTMP_PORT });
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self { host: Host::Any, port: port(text)? });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, after)) if !text.ends_with(']') => (host, port(after)?),
            _ => (text, Self::RTMP_PORT),
        };
        let unbracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match (host, unbracketed) {
            ("" | "*", _) => Host::Any,
            (_, Some(inner)) => {
                Host::Ip(IpAddr::V6(inner.parse().map_err(|_| AddressError::Host(host.to_owned()))?))
            }
            (host, None) => match host.parse() {
                Ok(ip) => Host::Ip(ip),
                Err(_) if is_host_name(host) => Host::Name(host.to_owned()),
                Err(_) => return Err(AddressError::Host(host.to_owned())),
            },
        };
        Ok(Self { host, port })
    }
}

/// Letters, digits, dots and hyphens, and not digits and dots alone: that is a mistyped IP address.
fn is_host_name(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    host.chars().all(allowed) && host.contains(|c: char| c.is_ascii_alphabetic())
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => write!(f, "port {}", self.port),
            Host::Ip(ip) => write!(f, "{}", SocketAddr::new(*ip, self.port)),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::Empty => write!(f, "an address is a port, an IP address or a host name"),
            AddressError::Url(text) => write!(f, "{text:?} is a URL; an address has neither scheme nor path"),
            AddressError::Port(text) => write!(f, "{text:?} is no port; ports are numbers from 0 to 65535"),
            AddressError::Host(text) => {
                write!(
                    f,
                    "{text:?} is neither an IP address nor a host name (IPv6 with a port needs brackets: [::1]:1935)"
                )
            }
        }
    }
}

impl std::error::Error for AddressError {}

/// An address cannot be listened on.
#[derive(Debug)]
pub(crate) struct ListenError {
    address: String,
    is_alone: bool,
    cause: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: ", self.address)?;
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => {
                // The same port of `localhost` and of 127.0.0.1, say.
                let or = if self.is_alone { "" } else { ", or another address that is listed does" };
                write!(
                    f,
                    "another program uses it already{or}; choose another with --rtmp or server.rtmp, such as 1936"
                )
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "no network interface of this machine has that address")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE")
            }
            _ => write!(f, "{}", self.cause),
        }
    }
}

impl std::error::Error for ListenError {}

/// A socket that listens.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
    /// IPv4 reaches it too, though the address is IPv6's.
    is_dual: bool,
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            address if self.is_dual => write!(f, "port {} (IPv4 and IPv6)", address.port()),
            address if address.ip().is_unspecified() => {
                write!(
                    f,
                    "port {} ({} only)",
                    address.port(),
                    if address.is_ipv4() { "IPv4" } else { "IPv6" }
                )
            }
            address => write!(f, "{address}"),
        }
    }
}

/// An address that is there twice. Port 0 is another one each time.
pub(crate) fn twice(addresses: &[ListenAddress]) -> Option<&ListenAddress> {
    let is_again = |(index, address): &(usize, &ListenAddress)| {
        address.port != 0 && addresses[..*index].contains(address)
    };
    addresses.iter().enumerate().find(is_again).map(|(_, address)| address)
}

/// Binds every address; all of them or none. The sockets do not block.
pub(crate) fn bind_all(addresses: &[ListenAddress]) -> Result<Vec<Listening>, ListenError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let is_alone = addresses.len() == 1;
        let failed = |cause| ListenError { address: address.to_string(), is_alone, cause };
        match &address.host {
            Host::Any => listeners.push(bind_any(address.port).map_err(failed)?),
            Host::Ip(ip) => {
                let address = SocketAddr::new(*ip, address.port);
                // With IPv4 listed on its own, IPv6 must keep off it.
                listeners.push(bind(address, true).map_err(failed)?);
            }
            Host::Name(name) => {
                let resolved = (name.as_str(), address.port).to_socket_addrs().map_err(failed)?;
                for address in resolved {
                    let address_of_name = format!("{name} ({address})");
                    let failed = |cause| ListenError { address: address_of_name, is_alone, cause };
                    listeners.push(bind(address, true).map_err(failed)?);
                }
            }
        }
    }
    Ok(listeners)
}

/// One socket for IPv4 and IPv6; for IPv4 alone where the system has no IPv6.
fn bind_any(port: u16) -> io::Result<Listening> {
    match bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), false) {
        Err(error) if lacks_ipv6(&error) => bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port), true),
        outcome => outcome,
    }
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno == Some(rustix::io::Errno::AFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn bind(address: SocketAddr, only_v6: bool) -> io::Result<Listening> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // Connections of a server that has just stopped must not keep its successor from starting.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    Ok(Listening { address: listener.local_addr()?, listener, is_dual: address.is_ipv6() && !only_v6 })
}

/// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn. A popular stream's players
/// come in one rush when it begins.
const BACKLOG: i32 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_people_write_them() {
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        let table = [
            ("1935", Host::Any, 1935),
            (":1936", Host::Any, 1936),
            ("*:1936", Host::Any, 1936),
            ("0", Host::Any, 0),
            ("0.0.0.0:1935", ip("0.0.0.0"), 1935),
            ("192.0.2.7", ip("192.0.2.7"), 1935),
            ("[::]:80", ip("::"), 80),
            ("[::1]", ip("::1"), 1935),
            ("::1", ip("::1"), 1935),
            ("localhost:5", Host::Name("localhost".to_owned()), 5),
            ("media.example", Host::Name("media.example".to_owned()), 1935),
        ];
        for (text, host, port) in table {
            assert_eq!(text.parse(), Ok(ListenAddress { host, port }), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_part_that_is_wrong() {
        let table = [
            ("", AddressError::Empty),
            ("70000", AddressError::Port("70000".to_owned())),
            ("localhost:rtmp", AddressError::Port("rtmp".to_owned())),
            ("1.2.3.4:", AddressError::Port(String::new())),
            ("1.2.3.400:1935", AddressError::Host("1.2.3.400".to_owned())),
            ("[1.2.3.4]:1935", AddressError::Host("[1.2.3.4]".to_owned())),
            ("[1.2.3.4]", AddressError::Host("[1.2.3.4]".to_owned())),
            ("[[::1]", AddressError::Host("[[::1]".to_owned())),
            ("rtmp://host:1935", AddressError::Url("rtmp://host:1935".to_owned())),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<ListenAddress>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_port_in_use_is_named_with_what_to_do() {
        let first = bind_all(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let port = first[0].address.port();
        let error = bind_all(&[format!("127.0.0.1:{port}").parse().unwrap()]).err().unwrap();
        let text = error.to_string();
        let expected = format!(
            "cannot listen on 127.0.0.1:{port}: another program uses it already; \
             choose another with --rtmp or server.rtmp, such as 1936"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn an_address_that_is_there_twice_is_found_however_it_is_written() {
        let twice = |texts: &[&str]| {
            let addresses: Vec<ListenAddress> = texts.iter().map(|text| text.parse().unwrap()).collect();
            twice(&addresses).map(ToString::to_string)
        };
        assert_eq!(twice(&["1935", "[::1]", ":1935"]).as_deref(), Some("port 1935"));
        assert_eq!(twice(&["1935", "1936", "[::1]:1935"]), None);
        assert_eq!(twice(&["0", "0"]), None);
    }

    #[test]
    fn what_is_listened_on_is_described_as_it_is() {
        let described =
            |text: &str| bind_all(&[text.parse().unwrap()]).map(|listening| listening[0].to_string());
        assert!(described("0").unwrap().ends_with(" (IPv4 and IPv6)"));
        assert!(described("[::]:0").unwrap().ends_with(" (IPv6 only)"));
        assert!(described("0.0.0.0:0").unwrap().ends_with(" (IPv4 only)"));
        assert!(described("127.0.0.1:0").unwrap().starts_with("127.0.0.1:"));
    }

    #[test]
    fn a_port_alone_is_reached_by_ipv4() {
        let listeners = bind_all(&["0".parse().unwrap()]).unwrap();
        let port = listeners[0].address.port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        listeners[0].listener.accept().unwrap();
    }
}
