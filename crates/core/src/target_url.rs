//! The URL of an outbound webhook, parsed once by the WHATWG rules and kept in the form they
//! write. Whether anything may be sent there is the egress policy's question (`egress.rs`).
//!
//! One parse decides everything: the host that is checked, looked up, named to TLS and written
//! into the request is the one found here. `2130706433`, `0x7f.1` and full-width digits have
//! become an IP address by then, so no later layer can read them in its own way.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use url::{Host, ParseError, Position, Url};

use crate::error::Invalid;
use crate::limits::TARGET_URL_BYTES_MAX;

/// The longest host name that DNS can carry, in bytes, without a trailing dot.
const HOST_NAME_BYTES_MAX: usize = 253;
/// The longest label of a host name, in bytes.
const HOST_LABEL_BYTES_MAX: usize = 63;

/// An absolute `https` or `http` URL with a host, without userinfo and without a fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    url: Url,
    /// The same URL for the HTTP client. Made here because `http` and `url` do not accept the
    /// same text, and the author of a URL that could never be sent should hear so on save.
    uri: Uri,
}

/// Where a URL points: at a name, to be looked up, or at an address, which is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetHost<'a> {
    /// Lower case, ASCII (punycode), without a trailing dot.
    Name(&'a str),
    Address(IpAddr),
}

impl TargetUrl {
    pub fn parse(text: &str) -> Result<TargetUrl, Invalid> {
        parse_url(text).map_err(|message| Invalid::at("", message))
    }

    /// The whole URL, in the form that is stored, shown and parsed again to an equal one.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The same URL as the HTTP client takes it.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// A name is absolute: whoever looks it up must not try it below search domains, which
    /// would make a public name resolve inside the operator's network.
    pub fn host(&self) -> TargetHost<'_> {
        match self.url.host().expect("parse refuses a URL without a host") {
            Host::Domain(name) => TargetHost::Name(name),
            Host::Ipv4(address) => TargetHost::Address(address.into()),
            Host::Ipv6(address) => TargetHost::Address(address.into()),
        }
    }

    /// The host as text, an IPv6 address without its brackets: what TLS calls the server's name.
    pub fn host_text(&self) -> &str {
        let text = self.url.host_str().expect("parse refuses a URL without a host");
        text.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port written, or else the one of the scheme.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().expect("http and https have a default port")
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The value of the `host` header: the host, an IPv6 address in brackets, and the port
    /// unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// Scheme, host and port as one text: what a connection belongs to. Two URLs of one origin have
    /// the same, since a scheme's own port is never written.
    pub fn origin(&self) -> &str {
        &self.url[..Position::AfterPort]
    }

    /// What the request line names; begins with `/`.
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The path and query of a webhook URL are often its only password, so they stay out of what a
/// stray `{:?}` writes into a log.
impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({}://{}/…)", self.url.scheme(), self.authority())
    }
}

/// Reads one host name or address by the rules of URLs: the egress allow-list and the URLs it is
/// compared with must spell a name alike.
pub(crate) fn parse_host(text: &str) -> Result<Host<String>, String> {
    match Host::parse(text).map_err(|error| error.to_string())? {
        Host::Domain(name) => Ok(Host::Domain(checked_name(&name)?.to_owned())),
        address => Ok(address),
    }
}

fn parse_url(text: &str) -> Result<TargetUrl, String> {
    check_length(text)?;
    let mut url = Url::parse(text).map_err(explain)?;
    // The scheme comes first: for others than http the crate leaves `127.0.0.1` a name.
    if !matches!(url.scheme(), "https" | "http") {
        return Err("must start with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        let why = "must not hold a user name or password: put them into a header of the webhook, \
                   such as authorization";
        return Err(why.to_owned());
    }
    // A fragment is never sent. Dropping one quietly would hide the mistake of whoever pasted
    // the address of a page (`/#/hooks`); only the empty one means nothing.
    if url.fragment().is_some_and(|fragment| !fragment.is_empty()) {
        return Err("must not have a fragment (#…): it would never reach the receiver".to_owned());
    }
    url.set_fragment(None);
    if let Some(Host::Domain(name)) = url.host() {
        // `example.com.` and `example.com` are one host; TLS and the allow-list know the latter.
        let name = checked_name(name)?.to_owned();
        url.set_host(Some(&name)).map_err(explain)?;
    }
    check_length(url.as_str())?;
    let uri = Uri::try_from(url.as_str()).map_err(|error| format!("cannot be sent: {error}"))?;
    Ok(TargetUrl { url, uri })
}

fn check_length(text: &str) -> Result<(), String> {
    if text.len() > TARGET_URL_BYTES_MAX {
        return Err(format!("is longer than {TARGET_URL_BYTES_MAX} bytes"));
    }
    Ok(())
}

/// The name without its trailing dot, if DNS, TLS and the `host` header can all carry it. `url`
/// is laxer: it takes `a..b`, `127.0.0.1..` (as a name) and most punctuation.
fn checked_name(name: &str) -> Result<&str, String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > HOST_NAME_BYTES_MAX {
        return Err(format!("has a host name longer than {HOST_NAME_BYTES_MAX} bytes"));
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > HOST_LABEL_BYTES_MAX {
            return Err(format!(
                "has a host name with an empty part, or one over {HOST_LABEL_BYTES_MAX} bytes"
            ));
        }
        // The underscore is no letter of a host name, but container networks use it.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !label.bytes().all(fits) {
            return Err("has a host name with characters that no host name has".to_owned());
        }
    }
    Ok(name)
}

fn explain(error: ParseError) -> String {
    match error {
        ParseError::RelativeUrlWithoutBase => "must start with https://".to_owned(),
        other => format!("is not a URL such as https://example.com/webhooks: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> TargetUrl {
        TargetUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn check(text: &str, kept: &str) {
        assert_eq!(parsed(text).as_str(), kept, "{text}");
    }

    fn check_refused(text: &str, part: &str) {
        let message = TargetUrl::parse(text).expect_err(text).to_string();
        assert!(message.contains(part), "{text:?} was refused with {message:?}, not {part:?}");
    }

    #[test]
    fn keeps_the_form_the_standard_writes() {
        check("https://example.com", "https://example.com/");
        check("  HTTPS://EXAMPLE.com:443/A b?c d\n", "https://example.com/A%20b?c%20d");
        check("https://example.com:8443/%7e/../x", "https://example.com:8443/x");
        check("https:\\\\example.com\\x", "https://example.com/x");
        check("https:example.com/x", "https://example.com/x");
        check("https:///example.com/x", "https://example.com/x");
        check("https://bücher.example/", "https://xn--bcher-kva.example/");
        check("https://my_service:3000/hook", "https://my_service:3000/hook");
        check("https://example.com/#", "https://example.com/");
        check("https://@example.com/", "https://example.com/");
    }

    #[test]
    fn every_spelling_of_an_address_becomes_that_address() {
        for text in [
            "http://127.0.0.1/",
            "http://127.0.0.1./",
            "http://127.1/",
            "http://127.0.1/",
            "http://2130706433/",
            "http://2130706433./",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0X7F.0x0.0x0.0x1/",
            "http://017700000001/",
            "http://0177.0.0.01/",
            "http://１２７.０.０.１/",
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http://127｡0．0.1/",
            "http://%31%32%37.0.0.1/",
            "http://127.0.0.1:80/",
            "http:\\\\127.0.0.1",
            "http://12\t7.0.\n0.1/",
        ] {
            check(text, "http://127.0.0.1/");
        }
        check("https://[0:0::0:1]/", "https://[::1]/");
        check("https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/");
    }

    #[test]
    fn a_trailing_dot_makes_no_other_host() {
        assert_eq!(parsed("https://Example.com./x"), parsed("https://example.com/x"));
        assert_eq!(parsed("https://localhost./").host(), TargetHost::Name("localhost"));
        check_refused("https://example.com../", "empty part");
        check_refused("https://127.0.0.1../", "empty part");
        check_refused("https://./", "empty part");
        check_refused("https://.example.com/", "empty part");
    }

    #[test]
    fn only_http_and_https_are_urls_of_a_webhook() {
        for text in [
            "",
            "/hooks",
            "//example.com/x",
            "example.com",
            "example.com:443/x",
            "ftp://example.com/",
            "ws://example.com/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_x",
            "javascript:alert(1)",
            "data:text/plain,x",
            "unix:/var/run/docker.sock",
            "blob:https://example.com/x",
        ] {
            check_refused(text, "must start with https://");
        }
    }

    #[test]
    fn a_password_belongs_into_a_header_and_is_not_repeated() {
        for text in ["https://user:hunter2@example.com/", "https://hunter2@example.com/"] {
            check_refused(text, "authorization");
            assert!(!TargetUrl::parse(text).unwrap_err().to_string().contains("hunter2"));
        }
        let logged = format!("{:?}", parsed("https://example.com/T00/hunter2?key=hunter2"));
        assert_eq!(logged, "TargetUrl(https://example.com/…)");
    }

    #[test]
    fn refuses_what_has_no_usable_host_port_or_length() {
        check_refused("https://", "empty host");
        check_refused("https://?x", "empty host");
        check_refused("https://:443/", "empty host");
        check_refused("https://example.com:65536/", "port");
        check_refused("https://example.com:-1/", "port");
        check_refused("https://example.com:http/", "port");
        check_refused("https://256.1.1.1/", "IPv4");
        check_refused("https://1.2.3.4.5/", "IPv4");
        check_refused("https://0x100000000/", "IPv4");
        check_refused("https://[::1%25eth0]/", "IPv6");
        check_refused("https://[127.0.0.1]/", "IPv6");
        check_refused("https://[::1/", "IPv6");
        check_refused("https://exa mple.com/", "not a URL");
        check_refused("https://exa%00mple.com/", "not a URL");
        check_refused("https://xn--a/", "not a URL");
        check_refused("https://a,b/", "no host name has");
        check_refused("https://*.example.com/", "no host name has");
        check_refused(&format!("https://{}.com/", "a".repeat(64)), "over 63 bytes");
        check_refused(&format!("https://{}com/", "abcdefg.".repeat(32)), "longer than 253 bytes");
        check_refused("https://example.com/#/hooks", "fragment");
    }

    #[test]
    fn the_length_counts_as_given_and_as_kept() {
        let start = "https://example.com/";
        let room = TARGET_URL_BYTES_MAX - start.len();
        let longest = format!("{start}{}", "a".repeat(room));
        assert_eq!(parsed(&longest).as_str().len(), TARGET_URL_BYTES_MAX);
        check_refused(&format!("{longest}a"), "longer than 2048");
        // Each of these takes two bytes as given and six once encoded.
        check_refused(&format!("{start}{}", "é".repeat(room / 2)), "longer than 2048");
    }

    #[test]
    fn parts_are_what_a_client_needs() {
        let url = parsed("http://[2001:DB8::1]:8080/a/b?c=d&e");
        assert_eq!(url.host(), TargetHost::Address("2001:db8::1".parse().unwrap()));
        assert_eq!(url.host_text(), "2001:db8::1");
        assert_eq!(url.authority(), "[2001:db8::1]:8080");
        assert_eq!(url.origin(), "http://[2001:db8::1]:8080");
        assert_eq!((url.port(), url.is_https()), (8080, false));
        assert_eq!(url.path_and_query(), "/a/b?c=d&e");

        let url = parsed("https://Example.com:443?x");
        assert_eq!(url.host(), TargetHost::Name("example.com"));
        assert_eq!(url.authority(), "example.com");
        assert_eq!(url.origin(), "https://example.com");
        assert_eq!((url.port(), url.is_https()), (443, true));
        assert_eq!(url.path_and_query(), "/?x");
        assert_eq!(url.uri().host(), Some("example.com"));
    }

    proptest! {
        /// The client must dial what was checked: `http` has a parser of its own.
        #[test]
        fn the_client_sees_the_same_host_and_path(
            host in "[a-z0-9.:\\[\\]%\u{ff10}-\u{ff19}。x_-]{1,16}",
            rest in "[/:?@\\\\#\\[\\]|^`{}\"<>a-z0-9 é%]{0,24}",
        ) {
            let text = format!("https://{host}{rest}");
            if let Ok(url) = TargetUrl::parse(&text) {
                let host = url.uri().host().unwrap_or_default();
                prop_assert_eq!(host.trim_matches(['[', ']']), url.host_text());
                prop_assert_eq!(url.uri().port_u16().unwrap_or(443), url.port());
                let path = url.uri().path_and_query().map(http::uri::PathAndQuery::as_str);
                prop_assert_eq!(path, Some(url.path_and_query()));
                prop_assert_eq!(TargetUrl::parse(url.as_str()).expect("was accepted once"), url);
            }
        }
    }
}
