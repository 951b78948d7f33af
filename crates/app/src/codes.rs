//! Codes that browsers bring back from installing. Anybody may make one up, and each costs a call that is counted against us.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zentry_domain::Timestamp;

/// At most so many are exchanged within [`WITHIN`].
const ALL: usize = 30;
/// At most so many of them for one address, so that whoever makes codes up holds up nobody else.
const FROM_ONE: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);

/// When the last ones were exchanged, and for whom.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<VecDeque<(Timestamp, IpAddr)>>);

impl Codes {
    /// Whether one more may be exchanged for a browser at this address.
    pub(crate) fn admit(&self, from: IpAddr, now: Timestamp) -> bool {
        let from = household(from);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.retain(|(at, _)| *at <= now && now.since(*at) < WITHIN);
        let theirs = taken.iter().filter(|(_, of)| *of == from).count();
        let admitted = theirs < FROM_ONE && taken.len() < ALL;
        if admitted {
            taken.push_back((now, from));
        }
        admitted
    }
}

/// Whoever has one address of the newer kind has all that share its first half.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(codes: &Codes, addresses: impl IntoIterator<Item = String>, at: Timestamp) -> usize {
        let from = addresses.into_iter().map(|address| address.parse().expect("an address"));
        from.filter(|from| codes.admit(*from, at)).count()
    }

    #[test]
    fn one_address_does_not_take_the_turns_of_the_others() {
        let (codes, now) = (Codes::default(), Timestamp(0));
        assert_eq!(admitted(&codes, vec!["192.0.2.1".to_owned(); 50], now), FROM_ONE);
        assert_eq!(admitted(&codes, ["192.0.2.2".to_owned()], now), 1);
        assert_eq!(admitted(&codes, ["192.0.2.1".to_owned(), "::ffff:192.0.2.1".to_owned()], now), 0);
        assert_eq!(admitted(&codes, ["192.0.2.1".to_owned()], now + WITHIN), 1, "a minute later");
    }

    #[test]
    fn all_addresses_of_one_network_count_as_one_and_all_together_have_a_limit_too() {
        let (codes, now) = (Codes::default(), Timestamp(0));
        assert_eq!(admitted(&codes, (0..50).map(|n| format!("2001:db8::{n}")), now), FROM_ONE);
        assert_eq!(admitted(&codes, (0..50).map(|n| format!("2001:db8:{n}::1")), now), ALL - FROM_ONE);
    }
}
