//! Which addresses may be called: the filter against server-side request forgery.
//!
//! The filter is asked twice: for the URL, before a sender is taken, and for every address that a name resolves to,
//! inside the resolver of the HTTP client. What was checked is therefore what is connected to; there is no second
//! look-up that could answer differently.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// An exception from "https, to a globally routable address, on port 443".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance(Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Loopback { host: String, port: u16 },
    Named { host: String, subdomains: bool, networks: Vec<IpNet> },
}

impl Allowance {
    /// The host and port of `base`, over plain http too. `None` unless the host is `localhost`, in `127.0.0.0/8` or
    /// `::1`; a name must also resolve to loopback when it is called.
    #[must_use]
    pub fn loopback(base: &Url) -> Option<Self> {
        let host = base.host_str()?;
        let is_loopback = match base.host()? {
            Host::Domain(name) => bare(name) == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
        };
        let port = base.port_or_known_default()?;
        is_loopback.then(|| Self(Rule::Loopback { host: bare(host), port }))
    }

    /// `host`, over https, on any port, at any globally routable address and at any address in `networks`.
    #[must_use]
    pub fn host(host: &str, networks: Vec<IpNet>) -> Self {
        Self(Rule::Named { host: bare(host), subdomains: false, networks })
    }

    /// Like [`Allowance::host`], for `domain` and every host under it.
    #[must_use]
    pub fn domain(domain: &str, networks: Vec<IpNet>) -> Self {
        Self(Rule::Named { host: bare(domain), subdomains: true, networks })
    }

    fn is_loopback_at(&self, host: &str, port: u16) -> bool {
        matches!(&self.0, Rule::Loopback { host: h, port: p } if h == host && *p == port)
    }

    /// The private networks at which `host` may be called, if this allowance is about it.
    fn networks_of(&self, host: &str) -> Option<&[IpNet]> {
        let Rule::Named { host: named, subdomains, networks } = &self.0 else {
            return None;
        };
        let is_under = || host.strip_suffix(named.as_str()).is_some_and(|front| front.ends_with('.'));
        (host == named || (*subdomains && is_under())).then_some(networks)
    }
}

/// How an allowed URL may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// https, through the proxy where one is configured.
    Outside,
    /// An allowed loopback base: plain http is fine, and never through a proxy.
    Loopback,
}

/// A host that must not be called, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host}: {why}")]
pub(crate) struct Refusal {
    pub(crate) host: String,
    pub(crate) why: String,
}

/// The filter: pure, so that it can be checked against a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    allow: Vec<Allowance>,
    /// Host and port of the outbound proxy, which the operator chose and which is usually private.
    proxy: Option<(String, u16)>,
}

impl Filter {
    pub(crate) fn new(allow: Vec<Allowance>, proxy: Option<&Url>) -> Self {
        let proxy = proxy.and_then(|url| Some((bare(url.host_str()?), url.port_or_known_default()?)));
        Self { allow, proxy }
    }

    /// Judges everything about a URL that can be judged before its name is resolved. With an outbound proxy this is
    /// all there is: the proxy resolves the name and must keep private addresses closed itself.
    pub(crate) fn check(&self, url: &Url) -> Result<Way, Refusal> {
        let host = bare(url.host_str().unwrap_or_default());
        let port = url.port_or_known_default().unwrap_or_default();
        match self.judge(url, &host, port) {
            Ok(way) => Ok(way),
            Err(why) => Err(Refusal { host, why }),
        }
    }

    fn judge(&self, url: &Url, host: &str, port: u16) -> Result<Way, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address carries a user name or a password".to_owned());
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{} is not https", url.scheme()));
        }
        if self.is_allowed_loopback(host, port) {
            return Ok(Way::Loopback);
        }
        if url.scheme() != "https" {
            return Err("plain http goes only to an allowed loopback address".to_owned());
        }
        if port != 443 && self.networks_of(host).next().is_none() {
            return Err(format!("port {port} is open only at hosts that are named as allowed"));
        }
        match url.host() {
            Some(Host::Ipv4(ip)) => self.judge_address(host, ip.into())?,
            Some(Host::Ipv6(ip)) => self.judge_address(host, ip.into())?,
            _ if host == "localhost" || host.ends_with(".localhost") => {
                return Err("this machine's own addresses are closed".to_owned());
            }
            _ => {}
        }
        Ok(Way::Outside)
    }

    /// Keeps of a DNS answer the addresses that may be connected to; a refusal if that is none.
    pub(crate) fn keep(&self, host: &str, port: u16, answer: &[SocketAddr]) -> Result<Vec<SocketAddr>, Refusal> {
        let host = bare(host);
        let mut why = "the name has no address".to_owned();
        let mut kept = Vec::with_capacity(answer.len());
        for address in answer {
            match self.judge_resolved(&host, port, address.ip()) {
                Ok(()) => kept.push(*address),
                Err(reason) => why = reason,
            }
        }
        if kept.is_empty() { Err(Refusal { host, why }) } else { Ok(kept) }
    }

    fn judge_resolved(&self, host: &str, port: u16, ip: IpAddr) -> Result<(), String> {
        if self.is_proxy(host, port) {
            return Ok(());
        }
        if self.is_allowed_loopback(host, port) {
            return if ip.is_loopback() { Ok(()) } else { Err(format!("{ip} is not loopback")) };
        }
        self.judge_address(host, ip)
    }

    fn judge_address(&self, host: &str, ip: IpAddr) -> Result<(), String> {
        let Some(kind) = closed(ip) else { return Ok(()) };
        if self.networks_of(host).flatten().any(|network| network.contains(&ip)) {
            return Ok(());
        }
        Err(format!("{ip} is closed ({kind}) and in no network allowed for this host"))
    }

    fn is_allowed_loopback(&self, host: &str, port: u16) -> bool {
        self.allow.iter().any(|a| a.is_loopback_at(host, port))
    }

    fn is_proxy(&self, host: &str, port: u16) -> bool {
        self.proxy.as_ref().is_some_and(|(h, p)| h == host && *p == port)
    }

    fn networks_of(&self, host: &str) -> impl Iterator<Item = &[IpNet]> {
        self.allow.iter().filter_map(move |a| a.networks_of(host))
    }
}

/// What kind of address this is, if it is not a globally routable one: nobody outside reaches it.
#[must_use]
pub fn closed(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => closed_v4(ip),
        IpAddr::V6(ip) => closed_v6(ip),
    }
}

fn closed_v4(ip: Ipv4Addr) -> Option<&'static str> {
    let (_, kind) = CLOSED_V4.iter().find(|(network, _)| network.contains(&ip))?;
    Some(kind)
}

fn closed_v6(ip: Ipv6Addr) -> Option<&'static str> {
    if NAT64.contains(&ip) {
        // Where a network has only IPv6, every IPv4 host is reached like this.
        let [.., a, b, c, d] = ip.octets();
        return closed_v4(Ipv4Addr::new(a, b, c, d));
    }
    match CLOSED_V6.iter().find(|(network, _)| network.contains(&ip)) {
        Some((_, kind)) => Some(kind),
        None if GLOBAL_V6.contains(&ip) => None,
        None => Some("not assigned"),
    }
}

/// Lower case, without the brackets of an IPv6 address and the dot of a fully qualified name.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// IANA's special-purpose addresses (RFC 6890 and its registry), and clouds' metadata services outside of them.
const CLOSED_V4: &[(Ipv4Net, &str)] = &[
    (v4([0, 0, 0, 0], 8), "unspecified"),
    (v4([10, 0, 0, 0], 8), "private"),
    (v4([100, 64, 0, 0], 10), "carrier-grade NAT"),
    (v4([127, 0, 0, 0], 8), "loopback"),
    (v4([168, 63, 129, 16], 32), "cloud metadata"),
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private"),
    (v4([192, 0, 0, 0], 24), "protocol assignments"),
    (v4([192, 0, 2, 0], 24), "documentation"),
    (v4([192, 88, 99, 0], 24), "6to4 relay"),
    (v4([192, 168, 0, 0], 16), "private"),
    (v4([198, 18, 0, 0], 15), "benchmarking"),
    (v4([198, 51, 100, 0], 24), "documentation"),
    (v4([203, 0, 113, 0], 24), "documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
];

/// The only IPv6 addresses that are assigned for global use.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// The well-known prefix of translators to IPv4 (RFC 6052).
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

// 6to4 and Teredo are closed whole, not only where they carry a closed IPv4 address: both are retired (RFC 7526), and
// no API that we call has an address there.
const CLOSED_V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "IPv4-compatible"),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), "IPv4-mapped"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "local NAT64"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "protocol assignments"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    fn networks(list: &[&str]) -> Vec<IpNet> {
        list.iter().map(|net| net.parse().unwrap()).collect()
    }

    fn filter() -> Filter {
        Filter::new(
            vec![
                Allowance::loopback(&url("http://127.0.0.1:8081")).unwrap(),
                Allowance::loopback(&url("http://localhost:8082/base")).unwrap(),
                Allowance::loopback(&url("http://[::1]:8083")).unwrap(),
                Allowance::host("sentry.example", networks(&["10.1.0.0/16", "fd00:1::/32"])),
                Allowance::domain("regions.example", networks(&["10.2.0.0/16"])),
                Allowance::host("10.9.9.9", networks(&["10.9.9.9/32"])),
            ],
            None,
        )
    }

    #[test]
    fn only_globally_routable_addresses_are_open() {
        let table: &[(&str, Option<&str>)] = &[
            ("0.0.0.0", Some("unspecified")),
            ("0.1.2.3", Some("unspecified")),
            ("9.255.255.255", None),
            ("10.0.0.0", Some("private")),
            ("10.255.255.255", Some("private")),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.1", Some("carrier-grade NAT")),
            ("100.100.100.200", Some("carrier-grade NAT")),
            ("100.127.255.255", Some("carrier-grade NAT")),
            ("100.128.0.0", None),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("168.63.129.16", Some("cloud metadata")),
            ("168.63.129.17", None),
            ("169.254.0.1", Some("link-local")),
            ("169.254.169.254", Some("link-local")),
            ("172.15.255.255", None),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("172.32.0.0", None),
            ("192.0.0.192", Some("protocol assignments")),
            ("192.0.1.0", None),
            ("192.0.2.1", Some("documentation")),
            ("192.88.99.1", Some("6to4 relay")),
            ("192.168.0.1", Some("private")),
            ("192.169.0.1", None),
            ("198.17.255.255", None),
            ("198.18.0.1", Some("benchmarking")),
            ("198.19.255.255", Some("benchmarking")),
            ("198.51.100.7", Some("documentation")),
            ("203.0.113.9", Some("documentation")),
            ("223.255.255.255", None),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.250", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.254", Some("reserved")),
            ("255.255.255.255", Some("broadcast")),
            ("8.8.8.8", None),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::2", Some("IPv4-compatible")),
            ("::127.0.0.1", Some("IPv4-compatible")),
            ("::ffff:127.0.0.1", Some("IPv4-mapped")),
            ("::ffff:8.8.8.8", Some("IPv4-mapped")),
            ("::ffff:0:127.0.0.1", Some("not assigned")),
            ("64:ff9b::127.0.0.1", Some("loopback")),
            ("64:ff9b::10.0.0.1", Some("private")),
            ("64:ff9b::169.254.169.254", Some("link-local")),
            ("64:ff9b::8.8.8.8", None),
            ("64:ff9b:1::8.8.8.8", Some("local NAT64")),
            ("100::1", Some("discard")),
            ("2001::1", Some("Teredo")),
            ("2001:0:808:808::1", Some("Teredo")),
            ("2001:2::1", Some("protocol assignments")),
            ("2001:20::1", Some("protocol assignments")),
            ("2001:200::1", None),
            ("2001:db8::1", Some("documentation")),
            ("2002:7f00:1::", Some("6to4")),
            ("2002:a00:1::1", Some("6to4")),
            ("2606:4700:4700::1111", None),
            ("2a00:1450:4001:81b::200e", None),
            ("3fff::1", Some("documentation")),
            ("3fff:1000::1", None),
            ("4000::1", Some("not assigned")),
            ("5f00::1", Some("not assigned")),
            ("fc00::1", Some("unique local")),
            ("fd00:ec2::254", Some("unique local")),
            ("fe80::1", Some("link-local")),
            ("febf::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
        ];
        for (address, expected) in table {
            assert_eq!(closed(address.parse().unwrap()), *expected, "{address}");
        }
    }

    #[test]
    fn urls_are_judged_before_anything_is_resolved() {
        let outside: &[&str] = &[
            "https://api.zoom.us/v2/im/chat/messages",
            "https://API.ZOOM.US/",
            "https://api.zoom.us:443/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://sentry.example:9000/",
            "https://de.regions.example:8443/",
            "https://regions.example/",
            "https://10.9.9.9/",
            "https://localhost.example/",
        ];
        let loopback: &[&str] = &[
            "http://127.0.0.1:8081/v2",
            "https://127.0.0.1:8081/",
            "http://2130706433:8081/",
            "http://localhost:8082/",
            "http://LOCALHOST.:8082/",
            "http://[::1]:8083/",
        ];
        let refused: &[&str] = &[
            "http://api.zoom.us/",
            "http://8.8.8.8/",
            "ftp://api.zoom.us/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://jane@api.zoom.us/",
            "https://jane:pw@api.zoom.us/",
            "http://jane:pw@127.0.0.1:8081/",
            "https://api.zoom.us:22/",
            "https://api.zoom.us:8443/",
            "https://evilregions.example:8443/",
            "https://sub.sentry.example:9000/",
            "http://127.0.0.1:8082/",
            "http://127.0.0.2:8081/",
            "http://localhost:8081/",
            "http://sentry.example/",
            "https://localhost/",
            "https://localhost./",
            "https://api.localhost/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://017700000001/",
            "https://2130706433/",
            "https://127.0.0.1./",
            "https://0/",
            "https://10.1.2.3/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fd00:ec2::254]/",
        ];
        let filter = filter();
        for text in outside {
            assert_eq!(filter.check(&url(text)), Ok(Way::Outside), "{text}");
        }
        for text in loopback {
            assert_eq!(filter.check(&url(text)), Ok(Way::Loopback), "{text}");
        }
        for text in refused {
            assert!(filter.check(&url(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn only_loopback_becomes_a_loopback_allowance() {
        for text in ["http://192.168.0.1:80", "http://example.com", "http://localhost.example:1", "data:x"] {
            assert_eq!(Allowance::loopback(&url(text)), None, "{text}");
        }
    }

    fn kept(filter: &Filter, host: &str, answer: &[&str]) -> Result<Vec<String>, Refusal> {
        let answer: Vec<SocketAddr> = answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect();
        let kept = filter.keep(host, 443, &answer)?;
        Ok(kept.iter().map(|address| address.ip().to_string()).collect())
    }

    #[test]
    fn a_private_network_opens_only_for_the_host_it_was_named_for() {
        let filter = filter();
        for (host, address) in [
            ("sentry.example", "10.1.2.3"),
            ("Sentry.Example.", "10.1.2.3"),
            ("sentry.example", "fd00:1::5"),
            ("regions.example", "10.2.0.9"),
            ("de.regions.example", "10.2.0.9"),
        ] {
            assert!(kept(&filter, host, &[address]).is_ok(), "{host} at {address}");
        }
        for (host, address) in [
            ("sentry.example", "10.2.0.9"),
            ("sentry.example", "169.254.169.254"),
            ("sentry.example", "::ffff:10.1.2.3"),
            ("sub.sentry.example", "10.1.2.3"),
            ("evilregions.example", "10.2.0.9"),
            ("regions.example.evil.example", "10.2.0.9"),
            ("api.zoom.us", "10.1.2.3"),
        ] {
            assert!(kept(&filter, host, &[address]).is_err(), "{host} at {address}");
        }
    }

    #[test]
    fn of_a_mixed_answer_the_open_addresses_stay() {
        let answer = ["127.0.0.1", "8.8.8.8", "10.0.0.1", "2606:4700::1"];
        assert_eq!(kept(&filter(), "api.zoom.us", &answer).unwrap(), ["8.8.8.8", "2606:4700::1"]);
        let refusal = kept(&filter(), "api.zoom.us", &["10.0.0.1", "127.0.0.1"]).unwrap_err();
        assert!(refusal.why.contains("127.0.0.1 is closed (loopback)"), "{refusal}");
    }

    #[test]
    fn localhost_must_resolve_to_loopback() {
        let filter = filter();
        let at = |ip: &str| [SocketAddr::new(ip.parse().unwrap(), 8082)];
        assert!(filter.keep("localhost", 8082, &at("127.0.0.1")).is_ok());
        assert!(filter.keep("localhost", 8082, &at("::1")).is_ok());
        assert!(filter.keep("localhost", 8082, &at("8.8.8.8")).is_err());
        assert!(filter.keep("localhost", 443, &at("127.0.0.1")).is_err());
    }

    #[test]
    fn the_proxy_itself_may_be_private_but_opens_nothing_else() {
        let filter = Filter::new(Vec::new(), Some(&url("http://proxy.example:3128")));
        let private = [SocketAddr::new("10.0.0.8".parse().unwrap(), 3128)];
        assert!(filter.keep("proxy.example", 3128, &private).is_ok());
        assert!(filter.keep("proxy.example", 443, &private).is_err());
        assert!(filter.check(&url("https://10.0.0.8/")).is_err());
        assert!(filter.check(&url("http://proxy.example:3128/")).is_err());
    }
}
