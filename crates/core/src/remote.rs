//! Where a request comes from. Behind a proxy every connection is the proxy's; whom it speaks for
//! stands in a header, which anybody can send, so it is believed only of proxies that the operator
//! named.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::error::Invalid;

/// The proxies whose word about others is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Networks and single addresses.
    pub fn parse(texts: &[String]) -> Result<TrustedProxies, Invalid> {
        let network = |text: &String| {
            let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            parsed.map_err(|_| {
                Invalid::at("", format!("{text:?} is no network or address, such as 10.0.0.0/8"))
            })
        };
        texts.iter().map(network).collect::<Result<_, _>>().map(TrustedProxies)
    }

    /// The address of whoever sent a request that came in from `peer`. `forwarded` holds the
    /// entries of `x-forwarded-for`, the last one first: each proxy appends whom it heard, so what
    /// stands before the first one that is not trusted may be made up.
    pub fn client<'h>(&self, peer: IpAddr, forwarded: impl IntoIterator<Item = &'h str>) -> IpAddr {
        let mut client = peer.to_canonical();
        for entry in forwarded {
            if !self.trusts(client) {
                break;
            }
            let Ok(heard) = entry.trim().parse::<IpAddr>() else { break };
            client = heard.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trusted: &[&str], peer: &str, forwarded: &str, expected: &str) {
        let texts: Vec<String> = trusted.iter().map(ToString::to_string).collect();
        let proxies = TrustedProxies::parse(&texts).expect("networks");
        let peer = peer.parse().expect("an address");
        let client = proxies.client(peer, forwarded.rsplit(','));
        assert_eq!(client.to_string(), expected, "{trusted:?} {peer} {forwarded}");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        check(&[], "10.0.0.1", "203.0.113.7", "10.0.0.1");
        check(&["10.0.0.0/8"], "10.0.0.1", "203.0.113.7", "203.0.113.7");
        check(&["10.0.0.0/8"], "198.51.100.1", "203.0.113.7", "198.51.100.1");
        check(&["10.0.0.1"], "10.0.0.2", "203.0.113.7", "10.0.0.2");
        check(&["::1"], "::1", "2001:db8::7", "2001:db8::7");
        check(&["10.0.0.0/8"], "::ffff:10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7");
    }

    #[test]
    fn what_the_client_made_up_is_not() {
        let both = &["10.0.0.0/8", "192.0.2.1"];
        check(both, "10.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7");
        check(both, "10.0.0.1", "1.2.3.4, 203.0.113.7, 192.0.2.1", "203.0.113.7");
        check(both, "10.0.0.1", "10.9.9.9, 203.0.113.7, 10.0.0.2", "203.0.113.7");
        for junk in ["", "unknown", "203.0.113.7:80", "evil.example", "1.2.3"] {
            check(both, "10.0.0.1", junk, "10.0.0.1");
            check(both, "10.0.0.1", &format!("203.0.113.7, {junk}"), "10.0.0.1");
        }
        check(both, "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3");
    }

    #[test]
    fn a_typing_error_is_told() {
        for junk in ["", "10.0.0.0/99", "proxy.internal", "10.0.0"] {
            let error = TrustedProxies::parse(&[junk.to_owned()]).expect_err(junk);
            assert!(error.to_string().contains(&format!("{junk:?}")), "{error}");
        }
    }
}
