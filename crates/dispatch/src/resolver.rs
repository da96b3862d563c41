//! From a host's name to its addresses. Only looks names up: whether an address may be dialled is
//! the dialer's question, and it asks about every address that comes from here.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use posthaste_core::limits::DNS_ADDRESSES_MAX;

/// One try of one name server. Two of them and the way there fit into `CONNECT_TIMEOUT`, so a
/// lost packet costs a customer no attempt.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
const QUERY_TRIES: usize = 2;
/// Names kept, until their time to live is over.
const CACHED_NAMES_MAX: u64 = 10_000;
/// A record may ask to be kept for up to 68 years; a receiver that moved is found again after
/// this long at the latest.
const CACHED_FOR_MAX: Duration = Duration::from_mins(5);
/// How long a name that does not exist is not asked for again.
const CACHED_ABSENCE_MAX: Duration = Duration::from_secs(30);

/// Why there are no addresses.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the name {host} does not exist or has no address")]
    NotFound { host: String },
    #[error("no name server answered for {host} in time")]
    TimedOut { host: String },
    #[error("the lookup of {host} failed: {source}")]
    Failed { host: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// We ran out of something; the name may be fine.
    #[error("the lookup of {host} was not possible here: {source}")]
    Exhausted { host: String, source: io::Error },
}

/// Answers with at least one address, and at most `DNS_ADDRESSES_MAX`.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// `host` is an absolute name: it is never tried below search domains.
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError>;
}

/// The machine's own view: `localhost` by rule, then its hosts file, then its name servers.
pub struct SystemResolver {
    /// Read once, at start.
    hosts: Hosts,
    dns: TokioResolver,
}

impl SystemResolver {
    /// Never fails for want of settings: a container may have none at all, and may only ever
    /// send to literal addresses. resolv.conf(5): without the file, the name server is the one on
    /// this machine.
    pub fn new() -> Result<SystemResolver, io::Error> {
        let (config, options) = match hickory_resolver::system_conf::read_system_conf() {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "no DNS settings found, asking the name server on this machine");
                let here = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
                let config = ResolverConfig::from_name_servers(vec![here]);
                (config, ResolverOpts::default())
            }
        };
        let hosts = Hosts::from_system().unwrap_or_else(|error| {
            tracing::warn!(%error, "the hosts file could not be read, going without");
            Hosts::default()
        });
        SystemResolver::with_settings(config, options, hosts)
    }

    fn with_settings(
        config: ResolverConfig,
        options: ResolverOpts,
        hosts: Hosts,
    ) -> Result<SystemResolver, io::Error> {
        let dns = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(resolver_options(options))
            .build()
            .map_err(io::Error::other)?;
        Ok(SystemResolver { hosts, dns })
    }

    /// As `getaddrinfo` does it: a name in the hosts file is not asked for elsewhere, for neither
    /// family. hickory's own lookup would ask DNS for the family that the file does not have.
    fn in_hosts_file(&self, name: &Name) -> Vec<IpAddr> {
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|family| self.hosts.lookup_static_host(&Query::query(name.clone(), family)))
            .flat_map(|found| {
                let addresses = found.answers().iter().filter_map(|record| record.data.ip_addr());
                addresses.collect::<Vec<_>>()
            })
            .take(DNS_ADDRESSES_MAX)
            .collect()
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        if is_loopback_name(host) {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let mut name = Name::from_ascii(host)
            .map_err(|source| ResolveError::Failed { host: host.into(), source: source.into() })?;
        name.set_fqdn(true);
        let listed = self.in_hosts_file(&name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        let answer = self.dns.lookup_ip(name).await.map_err(|error| explain(host, error))?;
        let addresses: Vec<IpAddr> = answer.iter().take(DNS_ADDRESSES_MAX).collect();
        if addresses.is_empty() {
            return Err(ResolveError::NotFound { host: host.into() });
        }
        Ok(addresses)
    }
}

/// A fixed table, and nothing beyond it.
#[derive(Debug, Clone, Default)]
pub struct StaticResolver {
    hosts: HashMap<String, Vec<IpAddr>>,
}

impl StaticResolver {
    pub fn new<H: Into<String>, A: IntoIterator<Item = IpAddr>>(
        hosts: impl IntoIterator<Item = (H, A)>,
    ) -> StaticResolver {
        let hosts = hosts
            .into_iter()
            .map(|(host, addresses)| {
                (host.into(), addresses.into_iter().take(DNS_ADDRESSES_MAX).collect())
            })
            .collect();
        StaticResolver { hosts }
    }
}

#[async_trait]
impl Resolve for StaticResolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        match self.hosts.get(host) {
            Some(addresses) if !addresses.is_empty() => Ok(addresses.clone()),
            _ => Err(ResolveError::NotFound { host: host.into() }),
        }
    }
}

/// Whether an error means that this machine ran out of files, memory or ports. Such a fault is
/// ours, and no customer's receiver is to blame for it.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(ENFILE | EMFILE | ENOBUFS))
}

fn resolver_options(from_system: ResolverOpts) -> ResolverOpts {
    let mut options = from_system;
    options.timeout = QUERY_TIMEOUT;
    options.attempts = QUERY_TRIES;
    options.cache_size = CACHED_NAMES_MAX;
    options.positive_max_ttl = Some(CACHED_FOR_MAX);
    options.negative_max_ttl = Some(CACHED_ABSENCE_MAX);
    // IPv4 first: where IPv6 is set up and leads nowhere, each try of it costs seconds, while a
    // missing IPv4 is told at once.
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    options
}

/// RFC 6761, 6.3: these mean this machine, and are not asked for in DNS.
fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn explain(host: &str, error: NetError) -> ResolveError {
    let host = host.to_owned();
    match error {
        error if error.is_no_records_found() => ResolveError::NotFound { host },
        NetError::Timeout => ResolveError::TimedOut { host },
        NetError::Io(error) if is_exhaustion(&error) => {
            ResolveError::Exhausted { host, source: io::Error::other(error) }
        }
        NetError::Busy => {
            ResolveError::Exhausted { host, source: io::Error::other("too many lookups at once") }
        }
        other => ResolveError::Failed { host, source: other.into() },
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
    use hickory_resolver::proto::rr::rdata::A;
    use hickory_resolver::proto::rr::{RData, Record};
    use parking_lot::Mutex;
    use tokio::net::UdpSocket;

    use super::*;

    type Asked = Arc<Mutex<Vec<String>>>;

    /// A name server that knows `receiver.test` by one address, `many.test` by forty, and
    /// says of anything else that it does not exist.
    async fn name_server() -> (SocketAddr, Asked) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Asked::default();
        let asking = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut packet).await {
                let query = Message::from_vec(&packet[..length]).unwrap();
                asking.lock().push(query.queries[0].name().to_string());
                socket.send_to(&answer_to(&query).to_vec().unwrap(), client).await.unwrap();
            }
        });
        (address, asked)
    }

    fn answer_to(query: &Message) -> Message {
        let question = query.queries[0].clone();
        let name = question.name().clone();
        let count = match name.to_string().as_str() {
            "receiver.test." => 1,
            "many.test." => 40,
            _ => 0,
        };
        let mut answer = Message::response(query.metadata.id, OpCode::Query);
        if count == 0 {
            answer.metadata.response_code = ResponseCode::NXDomain;
        } else if question.query_type() == RecordType::A {
            for last in 0..count {
                let data = RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
                answer.add_answer(Record::from_rdata(name.clone(), 60, data));
            }
        }
        answer.add_query(question);
        answer
    }

    fn resolver_asking(server: SocketAddr) -> SystemResolver {
        let mut there = NameServerConfig::udp(server.ip());
        there.connections[0].port = server.port();
        let search = vec![Name::from_ascii("corp.example.").unwrap()];
        let config = ResolverConfig::from_parts(None, search, vec![there]);
        let options = ResolverOpts::default();
        SystemResolver::with_settings(config, options, Hosts::default()).unwrap()
    }

    #[tokio::test]
    async fn a_name_is_asked_for_as_it_is_and_remembered() {
        let (server, asked) = name_server().await;
        let resolver = resolver_asking(server);
        for _ in 0..3 {
            let addresses = resolver.resolve("receiver.test").await.unwrap();
            assert_eq!(addresses, [IpAddr::from([192, 0, 2, 0])]);
        }
        let addresses = resolver.resolve("many.test").await.unwrap();
        assert_eq!(addresses.len(), DNS_ADDRESSES_MAX);
        let missing = resolver.resolve("missing").await.unwrap_err();
        assert!(matches!(missing, ResolveError::NotFound { .. }), "{missing}");

        let mut asked = asked.lock().clone();
        asked.dedup();
        assert_eq!(asked, ["receiver.test.", "many.test.", "missing."], "and no search domain");
    }

    #[tokio::test]
    async fn a_name_server_that_is_not_there_is_told_as_such() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = resolver_asking(silent.local_addr().unwrap());
        tokio::time::pause();
        let error = resolver.resolve("receiver.test").await.unwrap_err();
        assert_eq!(error.to_string(), "no name server answered for receiver.test in time");
    }

    #[tokio::test]
    async fn the_machines_own_settings_or_none_make_a_resolver() {
        assert!(SystemResolver::new().is_ok());
    }

    #[tokio::test]
    async fn localhost_is_this_machine_without_asking_anybody() {
        let (server, asked) = name_server().await;
        let resolver = resolver_asking(server);
        for host in ["localhost", "api.localhost"] {
            let addresses = resolver.resolve(host).await.unwrap();
            assert_eq!(addresses, [IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()]);
        }
        assert!(asked.lock().is_empty());
    }

    #[tokio::test]
    async fn the_hosts_file_answers_before_dns_and_for_both_families() {
        let (server, asked) = name_server().await;
        let mut resolver = resolver_asking(server);
        let file = "192.0.2.7 receiver.test other.test\n192.0.2.8 receiver.test\n";
        resolver.hosts.read_hosts_conf(file.as_bytes()).unwrap();
        let addresses = resolver.resolve("receiver.test").await.unwrap();
        assert_eq!(addresses, [IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8])]);
        assert_eq!(resolver.resolve("other.test").await.unwrap().len(), 1);
        assert!(asked.lock().is_empty());
    }

    #[tokio::test]
    async fn a_static_table_answers_for_its_names_only() {
        let many = (0..200u8).map(|last| IpAddr::from([192, 0, 2, last]));
        let resolver = StaticResolver::new([("many.test", many)]);
        assert_eq!(resolver.resolve("many.test").await.unwrap().len(), DNS_ADDRESSES_MAX);
        let missing = resolver.resolve("other.test").await.unwrap_err();
        assert_eq!(missing.to_string(), "the name other.test does not exist or has no address");
    }
}
