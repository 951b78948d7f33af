//! From where a request comes: the address at the other end of the connection, or the one that a trusted proxy names.

use std::net::{IpAddr, Ipv4Addr};

use http::Request;
use ipnet::IpNet;

/// Where proxies write for whom they ask, each behind those before it.
const FORWARDED: &str = "x-forwarded-for";

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The nearest address that is no trusted proxy's. What stands before it in the header anybody may have written.
pub(crate) fn origin<B>(request: &Request<B>, proxies: &[IpNet]) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| *address);
    let is_trusted = |address: &IpAddr| proxies.iter().any(|proxies| proxies.contains(address));
    let named = request.headers().get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<_> = named.flat_map(|value| value.split(',')).collect();
    let mut from = peer.to_canonical();
    for name in named.into_iter().rev() {
        let Some(before) = name.trim().parse().ok().filter(|_| is_trusted(&from)) else { break };
        from = IpAddr::to_canonical(&before);
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, headers: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network"));
        let mut request = Request::builder();
        for header in headers {
            request = request.header(FORWARDED, *header);
        }
        let mut request = request.body(()).expect("a request");
        request.extensions_mut().insert(Peer(peer.parse().expect("an address")));
        origin(&request, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_wrote_themselves() {
        assert_eq!(of("192.0.2.1", &[]), "192.0.2.1");
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "anybody may send the header");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.2.0.1"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["1.1.1.1", "198.51.100.7,fd00::1"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[""]), "10.0.0.1");
    }
}
