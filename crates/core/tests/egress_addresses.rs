//! Which addresses may be dialled, against an oracle written independently of the policy: plain
//! integer ranges here, prefixes there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use posthaste_core::egress::{Blocked, EgressPolicy};
use proptest::prelude::*;

fn is_public(address: IpAddr) -> bool {
    match EgressPolicy::public_only().check_addresses("a.example", 443, &[address]) {
        Ok(()) => true,
        Err(Blocked::ResolvesTo { address: refused, .. }) => {
            assert_eq!(refused, address);
            false
        }
        Err(other) => panic!("{address}: {other}"),
    }
}

fn v4_is_public(number: u32) -> bool {
    is_public(Ipv4Addr::from(number).into())
}

fn v6_is_public(number: u128) -> bool {
    is_public(Ipv6Addr::from(number).into())
}

/// First and last address of every IPv4 block that is refused, ascending.
const REFUSED_V4: [(&str, &str); 16] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
];

/// First and last address of every stretch of IPv6 that is refused, ascending, without the
/// NAT64 prefix and the v4-mapped block, whose verdict is that of the v4 address inside.
const REFUSED_V6: [(&str, &str); 8] = [
    ("::", "::fffe:ffff:ffff"),
    ("::1:0:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("64:ff9b::1:0:0", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

fn refused_v4() -> Vec<(u32, u32)> {
    let number = |text: &str| u32::from(text.parse::<Ipv4Addr>().expect("an address of the table"));
    REFUSED_V4.iter().map(|(first, last)| (number(first), number(last))).collect()
}

fn refused_v6() -> Vec<(u128, u128)> {
    let number =
        |text: &str| u128::from(text.parse::<Ipv6Addr>().expect("an address of the table"));
    REFUSED_V6.iter().map(|(first, last)| (number(first), number(last))).collect()
}

fn v4_oracle(number: u32) -> bool {
    !refused_v4().iter().any(|&(first, last)| (first..=last).contains(&number))
}

/// Says nothing about ISATAP, which is a pattern and not a range.
fn v6_oracle(number: u128) -> bool {
    let wrapped = [0xffff_u128 << 32, 0x0064_ff9b_u128 << 96];
    if wrapped.contains(&(number >> 32 << 32)) {
        return v4_oracle(number as u32);
    }
    !refused_v6().iter().any(|&(first, last)| (first..=last).contains(&number))
}

#[test]
fn the_first_address_of_every_v4_slash_16_gets_the_right_verdict() {
    let mut public = 0;
    for high in 0..=u16::MAX {
        let number = u32::from(high) << 16;
        let expected = v4_oracle(number);
        assert_eq!(v4_is_public(number), expected, "{}", Ipv4Addr::from(number));
        public += u32::from(expected);
    }
    // By hand: 3 * 256 for 0, 10 and 127; 64 of CGNAT; 16 of 172.16/12; 2 of 198.18/15; 32 * 256
    // above 223; one each for 169.254 and 192.168, and 192.0 whose first /24 is refused.
    assert_eq!(public, 65_536 - 3 * 256 - 64 - 16 - 2 - 32 * 256 - 3);
}

#[test]
fn every_v4_block_is_refused_from_its_first_to_its_last_address() {
    for (first, last) in refused_v4() {
        let edges = [
            Some(first),
            Some(last),
            first.checked_sub(1),
            last.checked_add(1),
            Some(first / 2 + last / 2),
        ];
        for number in edges.into_iter().flatten() {
            assert_eq!(v4_is_public(number), v4_oracle(number), "{}", Ipv4Addr::from(number));
        }
        assert!(!v4_is_public(first) && !v4_is_public(last));
    }
    for next in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "192.0.1.0",
        "198.20.0.0",
        "223.255.255.255",
    ] {
        assert!(is_public(next.parse().unwrap()), "{next}");
    }
}

#[test]
fn every_v6_block_is_refused_from_its_first_to_its_last_address() {
    for (first, last) in refused_v6() {
        let edges = [
            Some(first),
            Some(last),
            first.checked_sub(1),
            last.checked_add(1),
            Some(first / 2 + last / 2),
        ];
        for number in edges.into_iter().flatten() {
            assert_eq!(v6_is_public(number), v6_oracle(number), "{}", Ipv6Addr::from(number));
        }
        assert!(!v6_is_public(first) && !v6_is_public(last));
    }
    for public in [
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2001:4860:4860::8888",
        "2003::1",
        "2400:cb00::1",
        "2606:4700::1111",
        "2620:4f:8000::1",
        "2a00:1450::1",
        "2c0f::1",
        "3ffe::1",
        "3fff:1000::",
        "3fff:ffff::1",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

#[test]
fn special_v6_addresses_are_refused_by_name_of_their_block() {
    for refused in [
        "::",
        "::1",
        "::2",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1::1",
        "100::1",
        "100:0:0:1::1",
        "200::1",
        "400::1",
        "800::1",
        "1000::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:1::1",
        "2001:1::2",
        "2001:1::3",
        "2001:2::1",
        "2001:3::1",
        "2001:4:112::1",
        "2001:10::1",
        "2001:20::1",
        "2001:30::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2002:a9fe:a9fe::",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "6000::1",
        "8000::1",
        "a000::1",
        "c000::1",
        "e000::1",
        "f000::1",
        "f800::1",
        "fc00::1",
        "fd00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe00::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "feff::1",
        "ff00::",
        "ff02::1",
        "ff0e::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2606:4700::5efe:127.0.0.1",
        "2606:4700::200:5efe:10.0.0.1",
        "2606:4700::5efe:8.8.8.8",
    ] {
        assert!(!is_public(refused.parse().unwrap()), "{refused}");
    }
}

proptest! {
    #[test]
    fn any_v4_address_gets_the_verdict_of_the_oracle(number in any::<u32>()) {
        prop_assert_eq!(v4_is_public(number), v4_oracle(number));
    }

    #[test]
    fn any_address_of_a_refused_v4_block_is_refused(
        block in 0..REFUSED_V4.len(), offset in any::<u32>(),
    ) {
        let (first, last) = refused_v4()[block];
        let number = first + (u64::from(offset) % (u64::from(last - first) + 1)) as u32;
        prop_assert!(!v4_is_public(number), "{}", Ipv4Addr::from(number));
    }

    #[test]
    fn any_v6_address_gets_the_verdict_of_the_oracle(
        number in any::<u128>(), prefix in 0x2000..0x4000_u128, in_global in any::<bool>(),
    ) {
        let number = if in_global { number >> 16 | prefix << 112 } else { number };
        prop_assert_eq!(v6_is_public(number), v6_oracle(number), "{}", Ipv6Addr::from(number));
    }

    #[test]
    fn any_address_of_a_refused_v6_stretch_is_refused(
        block in 0..REFUSED_V6.len(), offset in any::<u128>(),
    ) {
        let (first, last) = refused_v6()[block];
        let number = first + offset % (last - first + 1);
        prop_assert!(!v6_is_public(number), "{}", Ipv6Addr::from(number));
    }

    /// A v4 address inside a v6 one: mapped and NAT64 have its verdict, the others none but no.
    #[test]
    fn wrapping_a_v4_address_never_makes_it_more_public(number in any::<u32>(), block in 0..16_usize, special in any::<bool>()) {
        let number = if special { refused_v4()[block].0 } else { number };
        let low = u128::from(number);
        let mapped = 0xffff_u128 << 32 | low;
        let nat64 = 0x0064_ff9b_u128 << 96 | low;
        prop_assert_eq!(v6_is_public(mapped), v4_oracle(number));
        prop_assert_eq!(v6_is_public(nat64), v4_oracle(number));
        let global = 0x2606_4700_u128 << 96;
        for wrapper in [
            low,                                          // v4-compatible
            0xffff_u128 << 48 | low,                      // SIIT
            0x0064_ff9b_0001_u128 << 80 | low,            // local-use NAT64
            0x2002_u128 << 112 | low << 80,               // 6to4
            0x2001_u128 << 112 | low << 64,               // Teredo server
            0x2001_u128 << 112 | u128::from(!number),     // Teredo client
            0xfe80_u128 << 112 | 0x5efe_u128 << 32 | low, // ISATAP
            global | 0x5efe_u128 << 32 | low,
            global | 0x0200_5efe_u128 << 32 | low,
        ] {
            prop_assert!(!v6_is_public(wrapper), "{}", Ipv6Addr::from(wrapper));
        }
    }

    /// Nothing but what was named opens, and one bad address spoils any answer.
    #[test]
    fn an_allow_list_entry_opens_its_block_and_no_more(
        base in any::<u32>(), prefix in 1..=32_u8, number in any::<u32>(), inside in any::<bool>(),
    ) {
        let mask = u32::MAX << (32 - prefix);
        let entry = format!("{}/{prefix}", Ipv4Addr::from(base & mask));
        let policy = EgressPolicy::allowing([&entry]).expect("a CIDR");
        let number = if inside { base & mask | number & !mask } else { number };
        let listed = number & mask == base & mask;
        let v4 = IpAddr::from(Ipv4Addr::from(number));
        let mapped = IpAddr::from(Ipv4Addr::from(number).to_ipv6_mapped());
        for address in [v4, mapped] {
            let passes = policy.check_addresses("a.example", 443, &[address]).is_ok();
            prop_assert_eq!(passes, listed || v4_oracle(number));
            prop_assert_eq!(policy.allows_plain_http("a.example", &[address]), listed);
            let spoiled = [address, Ipv6Addr::LOCALHOST.into()];
            prop_assert!(policy.check_addresses("a.example", 443, &spoiled).is_err());
        }
    }
}
