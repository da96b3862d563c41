//! Where requests may go. Customers choose the URLs and the requests leave from the operator's
//! network, so a target must be a public address unless the operator's allow-list names it.
//!
//! The rule is asked twice: on save, about what the URL itself shows ([`EgressPolicy::check_url`]),
//! and on every dial, about the addresses a resolver answered, which are then the ones dialled
//! ([`EgressPolicy::check_dial`]). Only the second can be relied on, since names change their
//! addresses; the first is there so that a customer hears early.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Host;

use crate::error::{Complaints, Invalid};
use crate::target_url::{TargetHost, TargetUrl, parse_host};

/// What may be dialled. Two equal policies give equal verdicts, so a pool of connections can
/// tell whether those it keeps were opened under the policy of today.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EgressPolicy {
    networks: Vec<IpNet>,
    names: Vec<AllowedName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum AllowedName {
    Exactly(String),
    /// `*.corp.example`: every name below, at any depth, but not `corp.example` itself.
    Below(String),
}

enum AllowedEntry {
    Network(IpNet),
    Name(AllowedName),
}

/// Why a target is refused. The text goes to the customer, so for a name it does not say which
/// address the operator's resolver answered, nor does any of it depend on whether something
/// listens there; `address` is for the operator's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    #[error(
        "{address} is not a public address ({kind}); the operator can allow it with \
         --egress-allow {}", IpNet::from(address.to_canonical())
    )]
    Address { address: IpAddr, kind: &'static str },
    #[error(
        "{host} resolves to an address that is not public; the operator can allow the name or \
         the address with --egress-allow"
    )]
    ResolvesTo { host: String, address: IpAddr, kind: &'static str },
    #[error(
        "{host} is this machine's own name for itself; the operator can allow it with \
         --egress-allow {host} or --dev"
    )]
    LoopbackName { host: String },
    #[error("{host} did not resolve to any address")]
    NoAddress { host: String },
    #[error(
        "plain http is not allowed to {host}: use https, or the operator can allow it with \
         --egress-allow {host}"
    )]
    PlainHttp { host: String },
    #[error(
        "port {port} belongs to a service that does not speak HTTP; the operator can allow it \
         with --egress-allow {host}"
    )]
    Port { host: String, port: u16 },
    #[error("port 0 cannot be connected to")]
    PortZero,
}

/// On save, a blocked URL is a mistake in the URL.
impl From<Blocked> for Invalid {
    fn from(blocked: Blocked) -> Invalid {
        Invalid::at("", blocked.to_string())
    }
}

impl EgressPolicy {
    /// Public addresses over https, and nothing else.
    pub fn public_only() -> EgressPolicy {
        EgressPolicy::default()
    }

    /// Also what `entries` name: a CIDR (`10.0.0.0/8`), an address (`::1`), a host name
    /// (`receiver.internal`) or every name below one (`*.corp.example`). What is named may also
    /// be reached by plain http and on any port.
    pub fn allowing<S: AsRef<str>>(
        entries: impl IntoIterator<Item = S>,
    ) -> Result<EgressPolicy, Invalid> {
        let mut policy = EgressPolicy::public_only();
        let mut complaints = Complaints::default();
        for entry in entries {
            match parse_entry(entry.as_ref()) {
                Ok(AllowedEntry::Network(network)) => policy.networks.push(network),
                Ok(AllowedEntry::Name(name)) => policy.names.push(name),
                Err(why) => {
                    complaints.add("", format!("egress-allow {:?} {why}", entry.as_ref()));
                }
            }
        }
        complaints.finish()?;
        Ok(policy)
    }

    /// What `--dev` adds: this machine, under its addresses and under `localhost`.
    pub fn with_loopback(mut self) -> EgressPolicy {
        self.networks.extend([IpNet::V4(LOOPBACK_V4), IpNet::V6(LOOPBACK_V6)]);
        self
    }

    /// On save: literal addresses, names of this machine, scheme and port.
    ///
    /// Of an ordinary name only the dial can tell whether it lies in a network of the
    /// allow-list. So where the list has one beyond loopback, plain http and odd ports to a name
    /// are left to [`EgressPolicy::check_dial`]; everywhere else they are refused here.
    pub fn check_url(&self, url: &TargetUrl) -> Result<(), Blocked> {
        let host = url.host_text();
        let may_be_listed = match url.host() {
            TargetHost::Address(address) => {
                self.check_address(host, address)?;
                self.lists_address(address)
            }
            TargetHost::Name(name) if is_loopback_name(name) => {
                if !self.lists_name(name) && !self.lists_loopback() {
                    return Err(Blocked::LoopbackName { host: name.to_owned() });
                }
                true
            }
            TargetHost::Name(name) => self.lists_name(name) || self.lists_beyond_loopback(),
        };
        if !url.is_https() && !may_be_listed {
            return Err(Blocked::PlainHttp { host: host.to_owned() });
        }
        check_port(host, url.port(), may_be_listed)
    }

    /// On dial: everything at once, for the URL to be called and what the resolver answered for
    /// its host (or the address it literally names). Nothing may be dialled but `addresses`.
    pub fn check_dial(&self, url: &TargetUrl, addresses: &[IpAddr]) -> Result<(), Blocked> {
        self.check_addresses(url.host_text(), url.port(), addresses)?;
        if !url.is_https() && !self.allows_plain_http(url.host_text(), addresses) {
            return Err(Blocked::PlainHttp { host: url.host_text().to_owned() });
        }
        Ok(())
    }

    /// The part of [`EgressPolicy::check_dial`] that is the same for every scheme. Every address
    /// must pass, else none is dialled: a mixed answer is either an attack or a mistake, and
    /// taking the good half of it would hide both.
    pub fn check_addresses(
        &self,
        host: &str,
        port: u16,
        addresses: &[IpAddr],
    ) -> Result<(), Blocked> {
        if addresses.is_empty() {
            return Err(Blocked::NoAddress { host: host.to_owned() });
        }
        for &address in addresses {
            self.check_address(host, address)?;
        }
        check_port(host, port, self.lists_target(host, addresses))
    }

    /// Whether `host`, which resolved to `addresses`, may be called without TLS.
    pub fn allows_plain_http(&self, host: &str, addresses: &[IpAddr]) -> bool {
        self.lists_target(host, addresses)
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Blocked> {
        if self.lists_address(address) {
            return Ok(());
        }
        let Some(Special { kind, opened_by }) = special(address) else {
            return Ok(());
        };
        if opened_by == OpenedBy::NameOrAddress && self.lists_name(host) {
            return Ok(());
        }
        if unbracketed(host).parse::<IpAddr>().is_ok() {
            return Err(Blocked::Address { address, kind });
        }
        Err(Blocked::ResolvesTo { host: host.to_owned(), address, kind })
    }

    fn lists_target(&self, host: &str, addresses: &[IpAddr]) -> bool {
        let all_listed = || addresses.iter().all(|&address| self.lists_address(address));
        self.lists_name(host) || (!addresses.is_empty() && all_listed())
    }

    /// A v4-mapped address is the v4 address: that is what the kernel connects to.
    fn lists_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn lists_name(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        self.names.iter().any(|name| match name {
            AllowedName::Exactly(name) => *name == host,
            AllowedName::Below(parent) => is_below(&host, parent),
        })
    }

    fn lists_loopback(&self) -> bool {
        [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            .into_iter()
            .any(|address| self.lists_address(address))
    }

    fn lists_beyond_loopback(&self) -> bool {
        let loopback = [IpNet::V4(LOOPBACK_V4), IpNet::V6(LOOPBACK_V6)];
        self.networks.iter().any(|network| !loopback.iter().any(|block| block.contains(network)))
    }
}

fn parse_entry(text: &str) -> Result<AllowedEntry, String> {
    if let Ok(network) = text.parse::<IpNet>() {
        if network.trunc() != network {
            return Err(format!("has bits beyond its prefix: write {}", network.trunc()));
        }
        return Ok(AllowedEntry::Network(canonical_network(network)));
    }
    if let Ok(address) = unbracketed(text).parse::<IpAddr>() {
        return Ok(AllowedEntry::Network(address.to_canonical().into()));
    }
    if text.contains(['/', ':']) {
        return Err("is not a CIDR, and a host name has no scheme, port or path".to_owned());
    }
    let (is_wildcard, name) = match text.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, text),
    };
    match parse_host(name) {
        Ok(Host::Domain(name)) if is_wildcard => Ok(AllowedEntry::Name(AllowedName::Below(name))),
        Ok(Host::Domain(name)) => Ok(AllowedEntry::Name(AllowedName::Exactly(name))),
        // `10.1` means 10.0.0.1 to a URL, and hardly ever to the operator who wrote it.
        Ok(address) => Err(format!("is an unusual spelling of an address: write {address}")),
        Err(why) => Err(format!("is neither CIDR, address nor host name: {why}")),
    }
}

/// Addresses are compared in their canonical form, so a block of v4-mapped ones is kept as v4.
fn canonical_network(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(v6) if V4_MAPPED.contains(&v6) => {
            let IpAddr::V4(address) = IpAddr::V6(v6.addr()).to_canonical() else { return network };
            let prefix = v6.prefix_len() - V4_MAPPED.prefix_len();
            IpNet::V4(Ipv4Net::new_assert(address, prefix))
        }
        other => other,
    }
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

/// RFC 6761, 6.3: these mean this machine, whatever a resolver says.
fn is_loopback_name(name: &str) -> bool {
    name == "localhost" || is_below(name, "localhost")
}

fn check_port(host: &str, port: u16, is_listed: bool) -> Result<(), Blocked> {
    if port == 0 {
        return Err(Blocked::PortZero);
    }
    if !is_listed && NON_HTTP_PORTS.binary_search(&port).is_ok() {
        return Err(Blocked::Port { host: host.to_owned(), port });
    }
    Ok(())
}

/// Why an address is not an ordinary public one.
#[derive(Debug, Clone, Copy)]
struct Special {
    kind: &'static str,
    opened_by: OpenedBy,
}

/// What in the allow-list can open a block. Who names a host trusts its DNS to point at hosts of
/// a private network, but hardly to point at the cloud's credentials, at a multicast group or at
/// `0.0.0.0`: those open only to an entry that holds the very address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenedBy {
    NameOrAddress,
    AddressOnly,
}

/// `None` for what may always be dialled. This asks for *global unicast* and then for the
/// exceptions inside it, rather than for known bad blocks: what nobody thought of is refused.
fn special(address: IpAddr) -> Option<Special> {
    match address.to_canonical() {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) if NAT64.contains(&v6) => {
            // A translator dials the v4 address in the last 32 bits. Its network is not ours,
            // so an entry for 10.0.0.0/8 or for a name says nothing about it.
            let [.., a, b, c, d] = v6.octets();
            let kind = special_v4(Ipv4Addr::new(a, b, c, d))?.kind;
            Some(Special { kind, opened_by: OpenedBy::AddressOnly })
        }
        IpAddr::V6(v6) => SPECIAL_V6
            .iter()
            .find(|(block, _)| block.contains(&v6))
            .map(|(_, special)| *special)
            .or_else(|| (!GLOBAL_UNICAST_V6.contains(&v6)).then_some(NOT_GLOBAL_UNICAST))
            .or_else(|| is_isatap(v6).then_some(ISATAP)),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    SPECIAL_V4.iter().find(|(block, _)| block.contains(&address)).map(|(_, special)| *special)
}

/// RFC 5214: `…:0:5efe:a.b.c.d` under any prefix tunnels to the v4 address in its last 32 bits.
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    matches!(segments[4], 0x0000 | 0x0200) && segments[5] == 0x5efe
}

const LOOPBACK_V4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
const LOOPBACK_V6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128);
const GLOBAL_UNICAST_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
const V4_MAPPED: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96);

const NOT_GLOBAL_UNICAST: Special = by_address("outside the global unicast block 2000::/3");
const ISATAP: Special = by_address("ISATAP tunnel");

/// IANA's special-purpose registry of IPv4 and what clouds keep for themselves; the first match
/// counts. 192.0.0.0/24 and 192.88.99.0/24 have globally reachable parts, all of them anycast
/// services of the network itself, so they are refused whole.
const SPECIAL_V4: [(Ipv4Net, Special); 18] = [
    (v4(0, 0, 0, 0, 8), by_address("this network")),
    (v4(10, 0, 0, 0, 8), by_name("private network")),
    // Alibaba Cloud's metadata service, inside the shared block.
    (v4(100, 100, 100, 200, 32), by_address("cloud metadata")),
    (v4(100, 64, 0, 0, 10), by_name("shared address space")),
    (LOOPBACK_V4, by_name("loopback")),
    // Azure's host agent, amid public addresses.
    (v4(168, 63, 129, 16, 32), by_address("cloud metadata")),
    // Holds the metadata service of most clouds.
    (v4(169, 254, 0, 0, 16), by_address("link-local")),
    (v4(172, 16, 0, 0, 12), by_name("private network")),
    (v4(192, 0, 0, 0, 24), by_address("protocol assignments")),
    (v4(192, 0, 2, 0, 24), by_address("documentation")),
    (v4(192, 88, 99, 0, 24), by_address("6to4 relay")),
    (v4(192, 168, 0, 0, 16), by_name("private network")),
    (v4(198, 18, 0, 0, 15), by_address("benchmarking")),
    (v4(198, 51, 100, 0, 24), by_address("documentation")),
    (v4(203, 0, 113, 0, 24), by_address("documentation")),
    (v4(224, 0, 0, 0, 4), by_address("multicast")),
    (v4(255, 255, 255, 255, 32), by_address("broadcast")),
    (v4(240, 0, 0, 0, 4), by_address("reserved")),
];

/// The exceptions inside 2000::/3, then blocks outside of it that deserve a better word than
/// [`NOT_GLOBAL_UNICAST`] or may be opened by name; the first match counts.
///
/// 2001::/23 is refused whole. IANA lists parts of it as globally reachable, but those are
/// anycast services of the network (2001:1::1 to ::3, 2001:3::/32, 2001:4:112::/48) and
/// identifiers that are not routed (2001:20::/28, 2001:30::/28): no receiver lives there.
/// NAT64 under an operator's own prefix cannot be recognised; such a translator must itself
/// refuse private addresses, as RFC 6052 has it do under the well-known one.
const SPECIAL_V6: [(Ipv6Net, Special); 11] = [
    (v6(0x2001, 0, 0, 23), by_address("protocol assignments")),
    (v6(0x2001, 0xdb8, 0, 32), by_address("documentation")),
    (v6(0x2002, 0, 0, 16), by_address("6to4 tunnel")),
    (v6(0x3fff, 0, 0, 20), by_address("documentation")),
    (LOOPBACK_V6, by_name("loopback")),
    // The EC2 metadata service, inside the unique local block.
    (
        Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128),
        by_address("cloud metadata"),
    ),
    (v6(0xfc00, 0, 0, 7), by_name("private network")),
    (v6(0xfe80, 0, 0, 10), by_address("link-local")),
    (v6(0xfec0, 0, 0, 10), by_address("site-local")),
    (v6(0xff00, 0, 0, 8), by_address("multicast")),
    (v6(0x5f00, 0, 0, 16), by_address("segment routing")),
];

/// Ports, ascending, whose well-known service reads lines or frames that are not HTTP and could
/// be made to act on a request's bytes: the bad ports of the Fetch standard, and databases,
/// caches and brokers. Services that do speak HTTP are not here; a port makes them no worse.
const NON_HTTP_PORTS: [u16; 109] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 88, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 162, 179,
    389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
    636, 873, 989, 990, 993, 995, 1433, 1434, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 3306, 3389,
    3659, 4045, 4190, 4369, 5060, 5061, 5432, 5671, 5672, 5900, 6000, 6379, 6380, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 8883, 9042, 9092, 10080, 11211, 26379, 27017, 27018, 27019,
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const fn by_name(kind: &'static str) -> Special {
    Special { kind, opened_by: OpenedBy::NameOrAddress }
}

const fn by_address(kind: &'static str) -> Special {
    Special { kind, opened_by: OpenedBy::AddressOnly }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(entries: &[&str]) -> EgressPolicy {
        EgressPolicy::allowing(entries).unwrap_or_else(|error| panic!("{entries:?}: {error}"))
    }

    /// What the policy says on save and, if that passes, on dial.
    fn verdict(policy: &EgressPolicy, url: &str, answer: &[&str]) -> Result<(), Blocked> {
        let url = TargetUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let addresses: Vec<IpAddr> = answer.iter().map(|text| text.parse().unwrap()).collect();
        policy.check_url(&url)?;
        policy.check_dial(&url, &addresses)
    }

    fn check(entries: &[&str], url: &str, answer: &[&str], expected: &str) {
        let said = match verdict(&allowing(entries), url, answer) {
            Ok(()) => "passes".to_owned(),
            Err(blocked) => blocked.to_string(),
        };
        assert!(
            if expected == "passes" { said == expected } else { said.contains(expected) },
            "{entries:?} {url} {answer:?}: {said}"
        );
    }

    #[test]
    fn every_address_of_an_answer_must_pass() {
        check(&[], "https://a.example/", &["8.8.8.8", "2606:4700::1"], "passes");
        check(&[], "https://a.example/", &["8.8.8.8", "10.0.0.1"], "not public");
        check(&[], "https://a.example/", &["2606:4700::1", "::1"], "not public");
        check(&[], "https://a.example/", &["::ffff:169.254.169.254"], "not public");
        check(&[], "https://a.example/", &[], "did not resolve");
        check(&["127.0.0.1"], "http://localhost/", &["127.0.0.1", "::1"], "not public");
    }

    #[test]
    fn an_entry_for_a_network_opens_addresses_in_it_by_any_spelling() {
        for entry in ["10.0.0.0/8", "10.1.2.3", "10.1.2.3/32", "::ffff:10.0.0.0/104", "0.0.0.0/0"] {
            check(&[entry], "https://10.1.2.3/", &["10.1.2.3"], "passes");
            check(&[entry], "http://[::ffff:10.1.2.3]:6379/", &["::ffff:10.1.2.3"], "passes");
            check(&[entry], "http://hooks.internal/", &["10.1.2.3"], "passes");
            check(&[entry], "https://192.168.0.1/", &["192.168.0.1"], {
                if entry == "0.0.0.0/0" { "passes" } else { "not a public address" }
            });
        }
        check(&["::/0"], "https://[fd00::1]/", &["fd00::1"], "passes");
        check(&["::/0"], "https://10.0.0.1/", &["10.0.0.1"], "not a public address");
        check(&["[fd00::1]"], "https://[fd00::1]/", &["fd00::1"], "passes");
        check(&["169.254.169.254"], "http://169.254.169.254/", &["169.254.169.254"], "passes");
    }

    #[test]
    fn an_entry_for_a_v4_network_says_nothing_about_a_translator() {
        check(&["10.0.0.0/8"], "https://[64:ff9b::a00:1]/", &["64:ff9b::a00:1"], "not a public");
        check(&["64:ff9b::/96"], "https://[64:ff9b::a00:1]/", &["64:ff9b::a00:1"], "passes");
    }

    #[test]
    fn an_entry_for_a_name_opens_private_networks_but_no_metadata_service() {
        let names: &[&str] = &["Receiver.Internal.", "*.corp.example", "bücher.example"];
        for private in [
            "10.0.0.1",
            "172.18.0.5",
            "192.168.1.1",
            "100.64.0.9",
            "127.0.0.1",
            "::1",
            "fd12::1",
            "8.8.8.8",
        ] {
            check(names, "http://receiver.internal:5432/", &[private], "passes");
            check(names, "http://RECEIVER.internal./", &[private], "passes");
            check(names, "http://a.b.corp.example/", &[private], "passes");
            check(names, "http://xn--bcher-kva.example/", &[private], "passes");
        }
        for special in [
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            check(names, "https://receiver.internal/", &[special], "not public");
            check(names, "https://receiver.internal/", &["10.0.0.1", special], "not public");
            check(
                &["receiver.internal", special],
                "https://receiver.internal/",
                &[special],
                "passes",
            );
        }
        check(names, "https://corp.example/", &["10.0.0.1"], "not public");
        check(names, "https://evilcorp.example/", &["10.0.0.1"], "not public");
        check(names, "https://receiver.internal.evil.example/", &["10.0.0.1"], "not public");
        check(names, "https://10.0.0.1/", &["10.0.0.1"], "not a public address");
    }

    #[test]
    fn plain_http_is_for_targets_the_list_names() {
        check(&[], "http://a.example/", &["8.8.8.8"], "plain http is not allowed to a.example");
        check(&[], "http://8.8.8.8/", &["8.8.8.8"], "plain http is not allowed to 8.8.8.8");
        check(&["8.8.8.8"], "http://8.8.8.8/", &["8.8.8.8"], "passes");
        check(&["a.example"], "http://a.example/", &["8.8.8.8"], "passes");
        // Whether a name lies in the network is known on dial only, and there it is asked.
        let listed = allowing(&["8.8.8.0/24"]);
        let url = TargetUrl::parse("http://a.example/").unwrap();
        assert_eq!(listed.check_url(&url), Ok(()));
        check(&["8.8.8.0/24"], "http://a.example/", &["8.8.8.8"], "passes");
        check(&["8.8.8.0/24"], "http://a.example/", &["8.8.8.8", "1.1.1.1"], "plain http");
        assert!(!listed.allows_plain_http("a.example", &[]));
        // Loopback alone defers nothing: with `--dev` the answer comes on save.
        let dev = EgressPolicy::public_only().with_loopback();
        assert!(matches!(dev.check_url(&url), Err(Blocked::PlainHttp { .. })));
    }

    #[test]
    fn ports_of_other_protocols_are_for_targets_the_list_names() {
        assert!(NON_HTTP_PORTS.is_sorted_by(|a, b| a < b), "binary search needs them ascending");
        for port in [
            22, 23, 25, 53, 110, 143, 389, 445, 465, 587, 993, 995, 1433, 3306, 5432, 6379, 11211,
            27017,
        ] {
            let (by_name, by_address) =
                (format!("https://a.example:{port}/"), format!("https://8.8.8.8:{port}/"));
            check(&[], &by_name, &["8.8.8.8"], "does not speak HTTP");
            check(&[], &by_address, &["8.8.8.8"], "does not speak HTTP");
            check(&["a.example"], &by_name, &["8.8.8.8"], "passes");
            check(&["8.8.8.8"], &by_name, &["8.8.8.8"], "passes");
            check(&["8.8.8.8"], &by_name, &["8.8.4.4"], "does not speak HTTP");
            check(&["8.8.8.8"], &by_address, &["8.8.8.8"], "passes");
        }
        for port in [
            80, 443, 81, 591, 1024, 3000, 4000, 5000, 8000, 8008, 8080, 8443, 9000, 9443, 49152,
            65535,
        ] {
            check(&[], &format!("https://a.example:{port}/"), &["8.8.8.8"], "passes");
        }
        check(&["a.example"], "https://a.example:0/", &["8.8.8.8"], "port 0");
        check(&["0.0.0.0/0"], "https://8.8.8.8:0/", &["8.8.8.8"], "port 0");
    }

    #[test]
    fn localhost_is_this_machine_unless_allowed() {
        for url in ["https://localhost/", "https://api.localhost/", "https://LOCALHOST.:8443/x"] {
            check(&[], url, &["8.8.8.8"], "this machine's own name");
            check(&["10.0.0.0/8"], url, &["10.0.0.1"], "this machine's own name");
            check(&["127.0.0.1"], url, &["127.0.0.1"], "passes");
            check(&["127.0.0.0/8", "::1"], url, &["127.0.0.1", "::1"], "passes");
            check(&["localhost", "*.localhost"], url, &["127.0.0.1"], "passes");
        }
        check(&[], "https://notlocalhost/", &["8.8.8.8"], "passes");
        check(&[], "https://localhost.example/", &["8.8.8.8"], "passes");
    }

    #[test]
    fn dev_opens_loopback_and_nothing_else() {
        let dev = EgressPolicy::public_only().with_loopback();
        assert_eq!(verdict(&dev, "http://127.0.0.9:3000/", &["127.0.0.9"]), Ok(()));
        assert_eq!(verdict(&dev, "http://localhost:3000/", &["127.0.0.1", "::1"]), Ok(()));
        assert!(verdict(&dev, "http://localhost/", &["10.0.0.1"]).is_err());
        assert!(verdict(&dev, "https://a.example/", &["10.0.0.1"]).is_err());
        assert!(verdict(&dev, "https://0.0.0.0/", &["0.0.0.0"]).is_err());
        // A public name that answers loopback is harmless here: the developer's own machine.
        assert_eq!(verdict(&dev, "https://a.example/", &["127.0.0.1"]), Ok(()));
    }

    #[test]
    fn a_wrong_entry_is_named() {
        for (entry, part) in [
            ("", "neither CIDR"),
            ("*", "neither CIDR"),
            ("*.", "neither CIDR"),
            ("a.*.example", "neither CIDR"),
            ("**.example", "neither CIDR"),
            ("a b", "neither CIDR"),
            ("a..b", "neither CIDR"),
            (" 10.0.0.1", "neither CIDR"),
            ("10.0.0.1/8", "write 10.0.0.0/8"),
            ("fd00::1/8", "write fd00::/8"),
            ("10.0.0.0/33", "not a CIDR"),
            ("10.0.0.0/", "not a CIDR"),
            ("10.1", "write 10.0.0.1"),
            ("2130706433", "write 127.0.0.1"),
            ("*.10.1", "write 10.0.0.1"),
            ("http://a.example", "no scheme"),
            ("a.example:80", "port"),
            ("127.0.0.1:80", "port"),
            ("[::1]:80", "port"),
            ("a.example/x", "path"),
        ] {
            let message = EgressPolicy::allowing(["ok.example", entry]).unwrap_err().to_string();
            assert!(message.contains(&format!("{entry:?}")), "{entry:?}: {message}");
            assert!(message.contains(part), "{entry:?}: {message}");
        }
        let both = EgressPolicy::allowing(["a b", "10.0.0.1/8"]).unwrap_err();
        assert_eq!(both.errors.len(), 2);
    }

    #[test]
    fn messages_say_what_to_do_and_do_not_answer_for_the_resolver() {
        for (url, answer, expected) in [
            (
                "https://127.0.0.1/",
                "127.0.0.1",
                "127.0.0.1 is not a public address (loopback); the operator can allow it with \
                 --egress-allow 127.0.0.1/32",
            ),
            (
                "https://[::ffff:10.0.0.1]/",
                "::ffff:10.0.0.1",
                "::ffff:10.0.0.1 is not a public address (private network); the operator can \
                 allow it with --egress-allow 10.0.0.1/32",
            ),
            (
                "https://[64:ff9b::7f00:1]/",
                "64:ff9b::7f00:1",
                "64:ff9b::7f00:1 is not a public address (loopback); the operator can allow it \
                 with --egress-allow 64:ff9b::7f00:1/128",
            ),
            (
                "https://a.example/",
                "10.0.0.1",
                "a.example resolves to an address that is not public; the operator can allow the \
                 name or the address with --egress-allow",
            ),
            (
                "https://localhost/",
                "127.0.0.1",
                "localhost is this machine's own name for itself; the operator can allow it with \
                 --egress-allow localhost or --dev",
            ),
            (
                "http://a.example/",
                "8.8.8.8",
                "plain http is not allowed to a.example: use https, or the operator can allow it \
                 with --egress-allow a.example",
            ),
            (
                "https://a.example:25/",
                "8.8.8.8",
                "port 25 belongs to a service that does not speak HTTP; the operator can allow it \
                 with --egress-allow a.example",
            ),
        ] {
            let blocked = verdict(&EgressPolicy::public_only(), url, &[answer]).unwrap_err();
            assert_eq!(blocked.to_string(), expected);
            // Whoever follows the advice is through, where the message names an entry.
            if let Some((_, entry)) = expected.split_once("--egress-allow ") {
                let entry = entry.trim_end_matches(" or --dev");
                assert_eq!(verdict(&allowing(&[entry]), url, &[answer]), Ok(()), "{entry}");
            }
            assert_eq!(Invalid::from(blocked), Invalid::at("", expected));
        }
    }
}
