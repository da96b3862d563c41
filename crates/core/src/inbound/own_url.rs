//! Whether a webhook would post to ourselves: what comes in there goes out again, for ever, if
//! nobody stops it. The plain case is refused when it is saved; what goes round by other names or
//! other servers is stopped by counting hops.

use crate::target_url::TargetUrl;

/// Where the URLs of inbound webhooks begin.
pub const IN: &str = "/in/";

/// Whether `url` is that of an inbound webhook at one of these addresses of ours, each a URL
/// (`https://hooks.example.com`) or a host with its port, as in a `host` header.
pub fn is_inbound_url(url: &TargetUrl, own: &[&str]) -> bool {
    let is_own = |own: &&str| authority_of(own).eq_ignore_ascii_case(url.authority());
    url.path_and_query().starts_with(IN) && own.iter().any(is_own)
}

/// Host and port, without the port of a scheme.
fn authority_of(address: &str) -> &str {
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = address.split('/').next().unwrap_or_default();
    [":443", ":80"].into_iter().find_map(|port| authority.strip_suffix(port)).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, own: &[&str], expected: bool) {
        let url = TargetUrl::parse(url).expect("a URL");
        assert_eq!(is_inbound_url(&url, own), expected, "{url} at {own:?}");
    }

    #[test]
    fn only_our_own_inbound_addresses_are_ours() {
        check("https://hooks.example.com/in/t/contact", &["https://hooks.example.com"], true);
        check("https://HOOKS.example.com:443/in/t/contact", &["https://hooks.example.com/"], true);
        check("https://hooks.example.com/in/t/contact", &["hooks.example.com:443"], true);
        check("http://127.0.0.1:8080/in/t/contact", &["127.0.0.1:8080"], true);
        check("http://[::1]:8080/in/t/contact", &["[::1]:8080"], true);
        check("https://hooks.example.com/inbox/receive", &["hooks.example.com"], false);
        check("https://hooks.example.com:8443/in/t/contact", &["hooks.example.com"], false);
        check("https://other.example.com/in/t/contact", &["hooks.example.com"], false);
        check("https://hooks.example.com/in/t/contact", &[], false);
    }
}
