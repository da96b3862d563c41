//! The cookie that holds a session's token: read, set, and taken away. Pages cannot read it
//! (`HttpOnly`), and other sites' pages cannot make the browser send it (`SameSite=Strict`).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use posthaste_core::limits::SESSION_LONGEST;
use posthaste_core::session::Token;

pub const SESSION_COOKIE: &str = "posthaste_session";
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The token in a request's cookie. Two cookies of that name are none: one of them was put there
/// by somebody else, such as a page on a neighbouring host.
pub fn session_token(headers: &HeaderMap) -> Option<Token> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut ours = pairs.filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == SESSION_COOKIE).then_some(value.trim())
    });
    let value = ours.next()?;
    if ours.next().is_some() { None } else { Token::parse(value) }
}

/// `set-cookie` for a new session. It outlives the browser, but not the longest session.
pub fn set(headers: &HeaderMap, token: &Token) -> HeaderValue {
    let max_age_s = SESSION_LONGEST.as_secs();
    write(headers, token.expose(), max_age_s)
}

/// `set-cookie` that takes it away.
pub fn clear(headers: &HeaderMap) -> HeaderValue {
    write(headers, "", 0)
}

fn write(headers: &HeaderMap, value: &str, max_age_s: u64) -> HeaderValue {
    // Who speaks to us in the clear, as on loopback, would never get a cookie that is `Secure`.
    let secure = if came_by_tls(headers) { "; Secure" } else { "" };
    let text = format!(
        "{SESSION_COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}{secure}"
    );
    let mut value = HeaderValue::from_str(&text).expect("a token is visible ASCII");
    value.set_sensitive(true);
    value
}

/// Whether the browser speaks TLS to the first of the proxies: each of them adds its own word behind
/// the last. Whoever makes this up harms their own cookie only, so any peer is believed.
fn came_by_tls(headers: &HeaderMap) -> bool {
    let named = headers.get(FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    let first = named.and_then(|list| list.split(',').next());
    first.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cookies: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
        }
        assert_eq!(session_token(&headers).is_some(), expected, "{cookies:?}");
    }

    #[test]
    fn one_cookie_of_ours_is_found_among_others() {
        let ours = format!("{SESSION_COOKIE}={}", "a".repeat(43));
        check(&[&ours], true);
        check(&[&format!("theme=dark; {ours}; x")], true);
        check(&["theme=dark", &ours], true);
        check(&[], false);
        check(&["theme=dark"], false);
        check(&[&format!("x{ours}")], false);
        check(&[&format!("{ours}; {ours}")], false);
        check(&[&ours, &ours], false);
        check(&[&format!("{ours}a")], false);
        check(&[&format!("{SESSION_COOKIE}=\"{}\"", "a".repeat(43))], false);
        check(&[&format!("{SESSION_COOKIE}=")], false);
        check(&["é"], false);
    }

    #[test]
    fn the_cookie_is_out_of_reach_for_pages_and_other_sites() {
        let token = Token::parse(&"a".repeat(43)).unwrap();
        let mut headers = HeaderMap::new();
        let plain = set(&headers, &token);
        let expected = format!(
            "posthaste_session={}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000",
            "a".repeat(43)
        );
        assert_eq!(plain, expected);
        assert!(plain.is_sensitive());
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
        assert_eq!(set(&headers, &token), format!("{expected}; Secure"));
        let cleared = "posthaste_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0; Secure";
        assert_eq!(clear(&headers), cleared);
    }

    #[test]
    fn it_is_secure_if_the_browser_speaks_tls_to_the_first_proxy() {
        let check = |protos: &[&str], expected: bool| {
            let mut headers = HeaderMap::new();
            for proto in protos {
                headers.append(FORWARDED_PROTO, HeaderValue::from_bytes(proto.as_bytes()).unwrap());
            }
            let is_secure = clear(&headers).to_str().unwrap().ends_with("; Secure");
            assert_eq!(is_secure, expected, "{protos:?}");
        };
        check(&["https"], true);
        check(&["HTTPS"], true);
        check(&["https, http"], true);
        check(&[" Https ,http"], true);
        check(&["https", "http"], true);
        check(&["http"], false);
        check(&["http, https"], false);
        check(&["http", "https"], false);
        check(&["httpsx"], false);
        check(&[", https"], false);
        check(&[""], false);
        check(&["é"], false);
        check(&[], false);
    }
}
