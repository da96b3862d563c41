//! A corpus of URLs that people and attackers write, and what the policy says of each on save:
//! in production, and with `--dev`.

use posthaste_core::egress::{Blocked, EgressPolicy};
use posthaste_core::target_url::TargetUrl;

/// What a URL is refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passes,
    /// Does not parse.
    Invalid,
    Address,
    Localhost,
    PlainHttp,
    Port,
}
use Verdict::{Address, Invalid, Localhost, Passes, PlainHttp, Port};

fn verdict(policy: &EgressPolicy, text: &str) -> Verdict {
    let Ok(url) = TargetUrl::parse(text) else { return Invalid };
    match policy.check_url(&url) {
        Ok(()) => Passes,
        Err(Blocked::Address { .. }) => Address,
        Err(Blocked::LoopbackName { .. }) => Localhost,
        Err(Blocked::PlainHttp { .. }) => PlainHttp,
        Err(Blocked::Port { .. } | Blocked::PortZero) => Port,
        Err(other) => panic!("{text}: {other} is for the dial to say"),
    }
}

fn check(text: &str, in_production: Verdict, with_dev: Verdict) {
    let production = EgressPolicy::public_only();
    assert_eq!(verdict(&production, text), in_production, "{text:?} in production");
    assert_eq!(verdict(&production.with_loopback(), text), with_dev, "{text:?} with --dev");
}

/// The same verdict in both.
fn check_both(text: &str, expected: Verdict) {
    check(text, expected, expected);
}

#[test]
fn public_urls_pass() {
    for url in PUBLIC {
        check_both(url, Passes);
    }
}

#[test]
fn this_machine_is_refused_in_every_spelling_and_open_to_dev() {
    for url in LOOPBACK_ADDRESSES {
        check(url, Address, Passes);
    }
    for url in [
        "https://localhost/",
        "http://localhost/",
        "http://localhost:3000/hook",
        "https://LocalHost/",
        "https://localhost./",
        "https://api.localhost/",
        "https://a.b.localhost./",
        "https://loc%61lhost/",
        "https://%6c%6f%63%61%6c%68%6f%73%74/",
        "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "https://ｌｏｃａｌｈｏｓｔ/",
        "https://local\u{ad}host/",
        "https://local\u{200b}host/",
        "https://local\nhost/",
        "https://localhost\\.example.com/",
    ] {
        check(url, Localhost, Passes);
    }
}

#[test]
fn networks_behind_the_server_are_refused_in_dev_as_well() {
    for url in INNER_ADDRESSES {
        check_both(url, Address);
    }
}

#[test]
fn plain_http_and_ports_of_other_protocols_are_refused() {
    for url in [
        "http://example.com/",
        "http://example.com:443/",
        "http://8.8.8.8/",
        "http://[2606:4700::1111]/",
        "http://intranet/",
        "HTTP:example.com",
        "http://localhost.example.com/",
        "http://metadata.google.internal/computeMetadata/v1/",
    ] {
        check_both(url, PlainHttp);
    }
    for url in [
        "https://example.com:0/",
        "https://example.com:00000/",
        "https://example.com:22/",
        "https://example.com:0025/",
        "https://example.com:53/",
        "https://example.com:587/",
        "https://example.com:5432/",
        "https://example.com:6379/",
        "https://example.com:11211/",
        "https://example.com:27017/",
        "https://8.8.8.8:25/",
        "https://[2606:4700::1111]:3306/",
    ] {
        check_both(url, Port);
    }
    check("http://127.0.0.1:0/", Address, Port);
}

#[test]
fn what_is_no_url_of_a_receiver_does_not_parse() {
    for url in NOT_A_TARGET {
        check_both(url, Invalid);
    }
}

/// Ordinary receivers, and what looks like an attack but is none.
const PUBLIC: &[&str] = &[
    "https://example.com",
    "https://example.com/",
    "https://example.com/webhooks",
    "https://example.com:443/webhooks",
    "https://example.com:8443/webhooks",
    "https://example.com:8080/webhooks",
    "https://example.com:3000/",
    "https://example.com:65535/",
    "https://www.example.com/a/b/c/d/e",
    "https://EXAMPLE.com/Path",
    "HTTPS://example.com/",
    "https://example.com./",
    "https://example.com?x=1",
    "https://example.com/?x=1&y=2",
    "https://example.com/x?url=http://127.0.0.1/",
    "https://example.com/http://169.254.169.254/latest",
    "https://example.com/@127.0.0.1",
    "https://example.com/?@localhost",
    "https://example.com/%20%2F%0a",
    "https://example.com/a b",
    "https://example.com/ünïcödé?q=ß",
    "https://example.com/[x]{y}|z^`",
    "https://example.com/;a=b,c",
    "https://example.com//double//slash",
    "https://example.com/../../etc/passwd",
    "https://example.com/#",
    "https://hooks.example.com/services/T0/B0/secret",
    "https://a.b.c.d.e.f.g.example.com/",
    "https://my-service.example.com/",
    "https://my_service.example.com/",
    "https://r3---sn-abc.example.com/",
    "https://1.example.com/",
    "https://10.example.com/",
    "https://127.0.0.1.example.com/",
    "https://127-0-0-1.example.com/",
    "https://10.0.0.1.nip.example/",
    "https://localhost.example.com/",
    "https://mylocalhost/",
    "https://notlocalhost.com/",
    "https://local.example/",
    "https://0x7f.example/",
    "https://1e100.net/",
    "https://3com.com/",
    "https://x.co/",
    "https://t.example.museum/",
    "https://bücher.example/",
    "https://xn--bcher-kva.example/",
    "https://例え.テスト/フック",
    "https://пример.example/",
    "https://مثال.example/",
    "https://faß.example/",
    "https://abcdefghijk.ngrok-free.app/webhook",
    "https://webhook.site/0b1f7c0e-1111-4222-8333-444455556666",
    "https://prod-00.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=x",
    "https://x.execute-api.us-east-1.amazonaws.com/prod/hook",
    "https://script.google.com/macros/s/AKfycb/exec",
    "https://hook.eu1.make.com/abc",
    "https://hooks.zapier.com/hooks/catch/1/abc/",
    "https://n8n.example.com:5678/webhook/x",
    "https://user.github.io/x",
    "https://8.8.8.8/",
    "https://8.8.8.8:8443/x",
    "https://8.8.8.8./",
    "https://1.1.1.1/",
    "https://1.1/",
    "https://134744072/",
    "https://0x08080808/",
    "https://93.184.216.34/",
    "https://11.0.0.1/",
    "https://172.15.255.255/",
    "https://172.32.0.1/",
    "https://192.167.1.1/",
    "https://192.169.1.1/",
    "https://100.63.255.255/",
    "https://100.128.0.1/",
    "https://169.253.1.1/",
    "https://198.17.0.1/",
    "https://223.255.255.254/",
    "https://[2606:4700::1111]/",
    "https://[2606:4700::1111]:8443/x",
    "https://[2A00:1450:4001::200e]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::ffff:808:808]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[2001:4860:4860:0:0:0:0:8888]/",
];

/// 127.0.0.0/8 and ::1 in every spelling a URL parser undoes.
const LOOPBACK_ADDRESSES: &[&str] = &[
    "https://127.0.0.1/",
    "http://127.0.0.1/",
    "http://127.0.0.1:3000/hook",
    "http://127.0.0.1:6379/",
    "http://127.0.0.1:22/",
    "https://127.0.0.1./",
    "https://127.0.0.2/",
    "https://127.255.255.255/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://2130706433./",
    "https://0x7f000001/",
    "https://0x7F000001/",
    "https://0x7f.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://0000000000000177.1/",
    "https://127.0x1/",
    "https://１２７.０.０.１/",
    "https://１２７．０．０．１/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://127｡0｡0｡1/",
    "https://%31%32%37.0.0.1/",
    "https://%31%32%37%2e0%2e0%2e1/",
    "https://127.0.0.%31/",
    "https://127.0.0.1\t/",
    "https://12\n7.0.0.1/",
    "  https://127.0.0.1/  ",
    "https:127.0.0.1",
    "https:/127.0.0.1/",
    "https:///127.0.0.1/",
    "https:////127.0.0.1/",
    "https:\\\\127.0.0.1\\",
    "https:/\\127.0.0.1/",
    "https://127.0.0.1\\@example.com/",
    "https://127.0.0.1/@example.com",
    "https://127.0.0.1?@example.com/",
    "https://127.0.0.1:443?.example.com",
    "https://@127.0.0.1/",
    "https://[::1]/",
    "http://[::1]:3000/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000::0001]/",
    "https://[::0.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::FFFF:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
];

/// Special addresses other than loopback.
const INNER_ADDRESSES: &[&str] = &[
    "https://0.0.0.0/",
    "https://0/",
    "https://0x0/",
    "https://00/",
    "https://0.1/",
    "https://0.0.0.0:8080/",
    "https://10.0.0.1/",
    "http://10.0.0.1/",
    "https://10.1/",
    "https://167772161/",
    "https://0xa.1/",
    "https://012.0.0.1/",
    "https://10.255.255.255/",
    "https://100.64.0.1/",
    "https://100.100.100.200/latest/meta-data/",
    "https://168.63.129.16/",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://169.254.169.254/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://169。254。169。254/",
    "https://169.254.170.2/v2/credentials",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.0.0.1/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://192.168.0.1/",
    "https://192.168.1/",
    "https://3232235521/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://4294967295/",
    "https://0xffffffff/",
    "https://[::]/",
    "https://[::2]/",
    "https://[::127.0.0.1]/",
    "https://[::8.8.8.8]/",
    "https://[::ffff:0.0.0.0]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::8.8.8.8]/",
    "https://[100::1]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://[fe80::1]/",
    "https://[fe80::a9fe:a9fe]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2606:4700::5efe:127.0.0.1]/",
];

/// What does not parse to a target.
const NOT_A_TARGET: &[&str] = &[
    "",
    " ",
    "example.com",
    "//example.com/",
    "/hook",
    "https",
    "https:",
    "https://",
    "https:///",
    "https://?x",
    "https://#x",
    "https://:443/",
    "https://@/",
    "https://./",
    "https://../",
    "https://a..b/",
    "https://example.com../",
    "https://127.0.0.1../",
    "https://localhost../",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1/",
    "https://127.0.0.1@example.com/",
    "https://127.0.0.1:80@example.com/",
    "https://a@b@127.0.0.1/",
    "https://example.com/#fragment",
    "https://example.com#@127.0.0.1/",
    "https://127.0.0.1#.example.com/",
    "https://example.com:65536/",
    "https://example.com:99999/",
    "https://example.com:-1/",
    "https://example.com:80:80/",
    "https://example.com:8 0/",
    "https://example.com:４４３/",
    "https://example com/",
    "https://exam%ple.com/",
    "https://example%00.com/",
    "https://example%2fcom/",
    "https://example%23.com/",
    "https://example<.com/",
    "https://exa|mple.com/",
    "https://*.example.com/",
    "https://$HOST/",
    "https://{host}/",
    "https://a,b/",
    "https://a;b/",
    "https://a'b/",
    "https://256.0.0.1/",
    "https://127.0.0.256/",
    "https://127.0.0.0.1/",
    "https://1.2.3.4.5/",
    "https://4294967296/",
    "https://0x100000000/",
    "https://0x7g.0.0.1/",
    "https://08.0.0.1/",
    "https://example.1/",
    "https://127.0.0.1.09/",
    "https://[::1/",
    "https://::1/",
    "https://[::1]x/",
    "https://[]/",
    "https://[:::1]/",
    "https://[1:2:3:4:5:6:7:8:9]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%eth0]/",
    "https://[127.0.0.1]/",
    "https://[::ffff:127.0.0.256]/",
    "https://[v1.x]/",
    "https://xn--/",
    "https://xn--a/",
    "ftp://example.com/",
    "ftp://127.0.0.1/",
    "ws://example.com/",
    "wss://example.com/",
    "file:///etc/passwd",
    "file://127.0.0.1/x",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stats",
    "ldap://127.0.0.1/",
    "jar:https://example.com!/x",
    "javascript:alert(1)",
    "data:text/html,x",
    "mailto:a@example.com",
    "unix:/var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/x",
    "blob:https://example.com/x",
    "view-source:https://example.com/",
    "httpss://example.com/",
    "ht\u{200b}tps://example.com/",
    "\u{feff}https://example.com/",
];
