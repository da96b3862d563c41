//! The rules of the canonical form, one table each, and what holds for any input at all.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn check(text: &str, expected: &str) {
    match canonicalise(text.as_bytes()) {
        Ok(canonical) => assert_eq!(canonical, expected, "{text}"),
        Err(invalid) => panic!("{text} was refused: {invalid}"),
    }
}

fn check_kept(text: &str) {
    check(text, text);
    assert!(matches!(canonicalise(text.as_bytes()), Ok(Cow::Borrowed(_))), "{text} was copied");
}

fn check_refused(text: impl AsRef<[u8]>, pointer: &str, message: &str) {
    let shown = String::from_utf8_lossy(text.as_ref());
    let shown: String = shown.chars().take(80).collect();
    let invalid = canonicalise(text.as_ref()).expect_err(&shown);
    assert_eq!(invalid.errors.len(), 1, "{shown}");
    assert_eq!(invalid.errors[0].message, message, "{shown}");
    assert_eq!(invalid.errors[0].pointer, pointer, "{shown}");
}

#[test]
fn canonical_text_is_handed_back_without_a_copy() {
    check_kept(r#"{"call_id":"c_1","duration":45,"cost":0.015,"tags":["a",null,true,false]}"#);
    check_kept("null");
    check_kept("{}");
    check_kept("[]");
    check_kept(r#""""#);
    check_kept(r#"{"":{"":[[],{}]}}"#);
    check_kept("-1.5e-7");
    check_kept(r#""\"\\\b\f\n\r\t\u0000\u001f\ud800 / é 😀""#);
    check_kept(r#"{"1":0,"20":0,"z":0,"a":0}"#);
    let trimmed = canonicalise(b" \r\n{\"a\":1}\n").expect("valid");
    assert!(matches!(trimmed, Cow::Borrowed(r#"{"a":1}"#)));
}

#[test]
fn whitespace_between_tokens_goes() {
    check(
        " { \"a b\" :\t[ 1 ,\r\n2 ] , \"c\" : { } , \"d\":[ ] } ",
        r#"{"a b":[1,2],"c":{},"d":[]}"#,
    );
    check("[ true , \" x \" ]", "[true,\" x \"]");
}

#[test]
fn numbers_are_spelled_as_ecmascript_does() {
    check("1.0", "1");
    check("1.10", "1.1");
    check("-0", "0");
    check("-0.0", "0");
    check("-0e5", "0");
    check("0e999999999999999999999", "0");
    check("0E-0", "0");
    check("1E5", "100000");
    check("1e+2", "100");
    check("1e20", "100000000000000000000");
    check("1e21", "1e+21");
    check("123e-20", "1.23e-18");
    check("0.000001", "0.000001");
    check("0.0000001", "1e-7");
    check("-0.00000123", "-0.00000123");
    check("0.00000012", "1.2e-7");
    check("123456789012345", "123456789012345");
    check("-123456789012345", "-123456789012345");
    check("0.12345678901234", "0.12345678901234");
    check("0.1234567890123456789", "0.12345678901234568");
    check("1.7976931348623157e308", "1.7976931348623157e+308");
    check("1.7976931348623158e308", "1.7976931348623157e+308");
    check("4.9e-324", "5e-324");
    check("2.4703282292062328e-324", "5e-324");
    check("[0.1,1.5,-2.25]", "[0.1,1.5,-2.25]");
}

#[test]
fn decimals_of_any_length_become_the_nearest_double() {
    check("9007199254740993.0", "9007199254740992");
    check("12345678901234567890e0", "12345678901234567000");
    let half = "9007199254740993";
    check(&format!("{half}.{}", "0".repeat(5_000)), "9007199254740992");
    check(&format!("{half}.{}1", "0".repeat(5_000)), "9007199254740994");
    check(&format!("-{half}.{}1", "0".repeat(5_000)), "-9007199254740994");
}

#[test]
fn an_exponent_and_a_long_mantissa_may_cancel_out() {
    check(&format!("0.{}12e700001", "0".repeat(700_000)), "1.2");
    check(&format!("12{}e-700000", "0".repeat(700_000)), "12");
    check(&format!("1.{}e2", "0".repeat(2_000)), "100");
    let beyond = "the number is too large for a double: send it as a string";
    check_refused(format!("0.{}1e655360", "0".repeat(65_536)), "", beyond);
    check_refused(format!("0.{}1e99999999999999999999", "0".repeat(2_000)), "", beyond);
    let tiny = "the number is so small that a double makes it 0: send it as a string, or send 0";
    check_refused(format!("1{}e-99999999999999999999", "0".repeat(2_000)), "", tiny);
}

#[test]
fn integers_that_come_out_the_same_are_kept() {
    check_kept("9007199254740991");
    check_kept("9007199254740992");
    check_kept("-9007199254740994");
    check_kept("12345678901234567000");
    check_kept("100000000000000000000");
    check("1000000000000000000000", "1e+21");
    check(&format!("5{}", "0".repeat(307)), "5e+307");
    check(&format!("5{}", "0".repeat(22)), "5e+22");
}

#[test]
fn integers_that_come_out_as_another_are_refused() {
    let check = |text: &str| {
        let message = "the integer has more digits than a double keeps: send it as a string";
        check_refused(text, "", message);
    };
    check("9007199254740993");
    check("-9007199254740993");
    check("12345678901234567890");
    check("99999999999999999999");
    check("18446744073709551615");
    check(&format!("1{}1", "0".repeat(300)));
    // Doubles hold these two, but ECMAScript writes them …6500 and …6000: a receiver with big
    // integers would get another id.
    check("1541815603606036480");
    check("9223372036854775808");
}

#[test]
fn numbers_out_of_range_are_refused() {
    let beyond = "the number is too large for a double: send it as a string";
    let tiny = "the number is so small that a double makes it 0: send it as a string, or send 0";
    check_refused("1e400", "", beyond);
    check_refused("-1e400", "", beyond);
    check_refused("1e99999999999999999999", "", beyond);
    check_refused("1.7976931348623159e308", "", beyond);
    check_refused(format!("1{}", "0".repeat(309)), "", beyond);
    check_refused(format!("1{}", "0".repeat(3_000)), "", beyond);
    check_refused("1e-400", "", tiny);
    check_refused("-1e-400", "", tiny);
    check_refused("2.4703282292062327e-324", "", tiny);
    check_refused(format!("0.{}1", "0".repeat(3_000)), "", tiny);
    check_refused(r#"{"a":[0,{"b":1e400}]}"#, "/a/1/b", beyond);
}

#[test]
fn strings_keep_only_the_escapes_they_need() {
    check(r#""\/""#, r#""/""#);
    check(r#""\u0041\u00e9\u007F\u2028""#, "\"Aé\u{7f}\u{2028}\"");
    check(r#""\u0022\u005C\u0008\u000C\u000A\u000D\u0009""#, r#""\"\\\b\f\n\r\t""#);
    check(r#""\u001F\u0000""#, r#""\u001f\u0000""#);
    check(r#""\uD83D\uDE00 \ud83d\ude00""#, r#""😀 😀""#);
    check(r#""\uffff\uFFFE""#, "\"\u{ffff}\u{fffe}\"");
    check("\"a\u{7f}\u{2028}é😀\"", "\"a\u{7f}\u{2028}é😀\"");
    check(r#""\\u0041""#, r#""\\u0041""#);
}

#[test]
fn half_a_surrogate_pair_stays_an_escape() {
    check(r#""\uD800""#, r#""\ud800""#);
    check(r#""\uDC00\uD800""#, r#""\udc00\ud800""#);
    check(r#""\uD800\uD800\uDC00""#, "\"\\ud800\u{10000}\"");
    check(r#""\uD800A""#, r#""\ud800A""#);
    check(r#""\uD800\u0041""#, r#""\ud800A""#);
    check(r#""\uD800\\uDC00""#, r#""\ud800\\uDC00""#);
    check(r#"{"\uDFFF":1}"#, r#"{"\udfff":1}"#);
}

#[test]
fn long_strings_stop_at_the_right_byte() {
    for length in 0..40 {
        for special in ["\\n", "\\\"", "é", "\u{80}", "\u{7f}", "😀", "!", "#", "[", "]"] {
            check_kept(&format!("\"{}{special}{}\"", "x".repeat(length), "é".repeat(length)));
        }
    }
}

#[test]
fn a_raw_control_character_is_refused_wherever_it_stands() {
    for control in '\0'..'\x20' {
        for length in 0..20 {
            let text = format!("\"{}{control}{}\"", "x".repeat(length), "x".repeat(20));
            let message = format!(
                "expected an escape for a control character, found {control:?} at byte {}",
                length + 1
            );
            check_refused(text, "", &message);
        }
    }
}

#[test]
fn index_like_keys_come_first_and_ascending() {
    check(r#"{"b":0,"10":1,"9":2,"a":3}"#, r#"{"9":2,"10":1,"b":0,"a":3}"#);
    check(r#"{"4294967295":0,"4294967294":1}"#, r#"{"4294967294":1,"4294967295":0}"#);
    check(r#"{"01":0,"1":1,"-1":2,"1.0":3,"0":4}"#, r#"{"0":4,"1":1,"01":0,"-1":2,"1.0":3}"#);
    check(r#"{"a":0,"\u0031":1}"#, r#"{"1":1,"a":0}"#);
    check(r#"{"99999999999":0,"1":1}"#, r#"{"1":1,"99999999999":0}"#);
    check(r#"{"":0,"0":{"x":1,"2":[{"y":0,"3":1}]}}"#, r#"{"0":{"2":[{"3":1,"y":0}],"x":1},"":0}"#);
    check(r#"[{"b":1.0,"1":2}, {"b":1,"1":2.0}]"#, r#"[{"1":2,"b":1},{"1":2,"b":1}]"#);
    check_kept(r#"{"__proto__":1,"constructor":2,"toJSON":3}"#);
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let check = |text: &str, pointer: &str| {
        check_refused(text, pointer, "the key stands twice in its object: keep one");
    };
    check(r#"{"a":1,"a":1}"#, "/a");
    check(r#"{"a":1,"\u0061":1}"#, "/a");
    check(r#"{"a":[{"x/~":1,"b":2,"\u0078/~":1}]}"#, "/a/0/x~1~0");
    check(r#"{"":1,"":1}"#, "/");
    check(r#"{"1":1,"a":1,"\u0031":1}"#, "/1");
    check(r#"{"\ud83d\ude00":1,"😀":1}"#, "/😀");
    check(r#"{"\ud800":1,"\uD800":1}"#, r"/\ud800");
    check(r#"{"__proto__":1,"__proto__":1}"#, "/__proto__");
    let many: String = (0..1_000).map(|n| format!("\"k{n}\":0,")).collect();
    check(&format!("{{{many}\"k7\":1}}"), "/k7");
    check_kept(&format!("{{{many}\"k\":1}}"));
    // Composed and decomposed é are two keys.
    check_kept("{\"a\":1,\"A\":1,\"\u{e9}\":1,\"e\u{301}\":1,\"\":{\"a\":1}}");
}

#[test]
fn depth_is_bounded_and_the_pointer_says_where() {
    let nested = |open: &str, close: &str, levels: usize| {
        format!("{}{}", open.repeat(levels), close.repeat(levels))
    };
    check_kept(&nested("[", "]", DEPTH_MAX));
    let message = "nested deeper than 64 levels: send this as a string";
    check_refused(nested("[", "]", DEPTH_MAX + 1), &"/0".repeat(64), message);
    check_refused("[".repeat(1_000_000), &"/0".repeat(64), message);
    let objects = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
    check_refused(objects, &"/a".repeat(64), message);
    // Siblings do not add up.
    check_kept(&format!("[{}0]", "[[]],".repeat(100)));
}

#[test]
fn what_is_not_json_is_refused_with_the_place_reached() {
    check_refused("", "", "expected a JSON value, found the end at byte 0");
    check_refused("  ", "", "expected a JSON value, found the end at byte 2");
    check_refused(" x", "", "expected a JSON value, found 'x' at byte 1");
    check_refused("{} é", "", "expected nothing behind the JSON value, found 'é' at byte 3");
    check_refused("01", "", "expected nothing behind the JSON value, found '1' at byte 1");
    check_refused("[1,]", "/1", "expected a JSON value, found ']' at byte 3");
    check_refused("[1 2]", "", "expected `,` or `]`, found '2' at byte 3");
    check_refused("{\"a\":1,}", "", "expected a key in double quotes, found '}' at byte 7");
    check_refused("{a:1}", "", "expected a key in double quotes, found 'a' at byte 1");
    check_refused("{\"a\" 1}", "", "expected `:` behind the key, found '1' at byte 5");
    check_refused("{\"a\":}", "/a", "expected a JSON value, found '}' at byte 5");
    check_refused("{\"a\":1", "", "expected `,` or `}`, found the end at byte 6");
    check_refused("{\"a\":[1.]}", "/a/0", "expected a digit, found ']' at byte 8");
    check_refused("-", "", "expected a digit, found the end at byte 1");
    check_refused("-x", "", "expected a digit, found 'x' at byte 1");
    check_refused("1e", "", "expected a digit, found the end at byte 2");
    check_refused("1e+", "", "expected a digit, found the end at byte 3");
    check_refused("+1", "", "expected a JSON value, found '+' at byte 0");
    check_refused(".5", "", "expected a JSON value, found '.' at byte 0");
    check_refused("NaN", "", "expected a JSON value, found 'N' at byte 0");
    check_refused("nul", "", "expected `null`, found the end at byte 3");
    check_refused("[trUe]", "/0", "expected `true`, found 'U' at byte 3");
    check_refused("'a'", "", "expected a JSON value, found '\\'' at byte 0");
    check_refused("\"a", "", "expected `\"` at the end of the string, found the end at byte 2");
    check_refused(
        "\"a\nb\"",
        "",
        "expected an escape for a control character, found '\\n' at byte 2",
    );
    let escapes = "expected one of \" \\ / b f n r t u behind a backslash";
    check_refused(r#"["\x"]"#, "/0", &format!("{escapes}, found 'x' at byte 3"));
    check_refused("\"\\", "", &format!("{escapes}, found the end at byte 2"));
    let digits = "expected four hexadecimal digits behind \\u";
    check_refused(r#""\u00é0""#, "", &format!("{digits}, found 'é' at byte 5"));
    check_refused(r#""\ud800\u+123""#, "", &format!("{digits}, found '+' at byte 9"));
    check_refused(
        "1\u{a0}",
        "",
        "expected nothing behind the JSON value, found '\\u{a0}' at byte 1",
    );
}

#[test]
fn what_is_not_utf_8_is_refused() {
    check_refused(b"\"a\xff\"", "", "the text is not UTF-8 at byte 2");
    check_refused(b"{\"a\":[\"\xed\xa0\x80\"]}", "/a/0", "the text is not UTF-8 at byte 7");
    check_refused(b"{} \xc3", "", "the text is not UTF-8 at byte 3");
    check_refused(b"12\xff", "", "the text is not UTF-8 at byte 2");
    check_refused(b"\xff\xfe{", "", "the text is not UTF-8 at byte 0");
    let mark = "a byte order mark stands before the JSON: leave it out";
    check_refused("\u{feff}{}", "", mark);
}

#[test]
fn event_data_must_be_an_object() {
    let check = |text: &str, expected: Result<&str, &str>| {
        let canonical = canonicalise_object(text.as_bytes());
        let outcome = canonical.as_deref().map_err(ToString::to_string);
        assert_eq!(outcome, expected.map_err(str::to_owned), "{text}");
    };
    check(" {\"a\": 1}", Ok("{\"a\":1}"));
    check("[]", Err("data must be an object"));
    check("", Err("data must be an object"));
    check("null", Err("data must be an object"));
    check("{\"a\":1e999}", Err("/a: the number is too large for a double: send it as a string"));
}

#[test]
fn many_hostile_keys_cost_no_more_than_others() {
    // 100,000 keys of one length that differ in their last bytes only, each object reordered.
    let members: Vec<String> =
        (0..100_000).rev().map(|n| format!("\"{}{n:06}\": 0", "x".repeat(10))).collect();
    let text = format!("{{{},\"1\":0}}", members.join(","));
    let canonical = canonicalise(text.as_bytes()).expect("valid");
    assert!(canonical.starts_with("{\"1\":0,\"xxxxxxxxxx099999\":0,"));
}

// --- What holds for any input -----------------------------------------------------------------

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_992_i64..=9_007_199_254_740_992).prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 64.0)),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![any::<String>(), "[0-9]{1,11}", "[a-c]{0,2}"];
    leaf.prop_recursive(6, 60, 12, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..12)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Equal as JavaScript sees it: 1 and 1.0 are one number, and the order of keys says nothing.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let found = |(key, value)| other.get(key).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(found)
        }
        _ => one == other,
    }
}

fn check_fixed_point(canonical: &str) -> Result<(), TestCaseError> {
    let again = canonicalise(canonical.as_bytes());
    prop_assert!(matches!(again, Ok(Cow::Borrowed(same)) if same == canonical), "{}", canonical);
    Ok(())
}

// --- The glance and the reader ----------------------------------------------------------------

/// The glance may leave anything to the reader, but what it takes must be what the reader keeps.
fn check_glance(bytes: &[u8]) -> Result<(), TestCaseError> {
    let read = Reader::open(bytes).and_then(Reader::document);
    prop_assert_eq!(&canonicalise(bytes), &read, "{:?}", String::from_utf8_lossy(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
    // The same object with more text behind it, as it stands in a body.
    let more = format!("{text} ,\"timestamp\":\"x\"}}");
    match (canonicalise_leading_object(&more), canonicalise_object(bytes)) {
        (Some((leading, end)), Ok(whole)) => {
            prop_assert_eq!(leading, whole);
            prop_assert_eq!(end, text.trim_end_matches(SPACE).len());
        }
        // Whatever follows: the object is only a part of these bytes, or space stands before it.
        (Some((_, end)), Err(_)) => prop_assert_ne!(end, text.trim_end_matches(SPACE).len()),
        (None, Ok(_)) => prop_assert!(text.starts_with(SPACE), "{}", text),
        (None, Err(_)) => {}
    }
    Ok(())
}

fn check_taken_at_a_glance(text: &str, expected: bool) {
    let len = glance::object_len(text.as_bytes());
    assert_eq!(len, expected.then_some(text.len()), "{text}");
    check_glance(text.as_bytes()).expect("the reader agrees");
}

#[test]
fn what_javascript_writes_is_taken_at_a_glance() {
    let check = |text: &str| check_taken_at_a_glance(text, true);
    check("{}");
    check(r#"{"call_id":"c_1","duration":45,"cost":0.015,"tags":["a",null,true,false,[],{}]}"#);
    check(r#"{"a":-1,"b":0,"c":-1.5,"d":123456789012345,"e":1e-7,"f":0.1234567890123456}"#);
    check(r#"{"a b":0,"a":"say \"x\" \\ \b\f\n\r\t","é😀":"é😀"}"#);
    check(r#"{"":{"":{"":0}},"a":{"a":{"a":0}},"abcdefgh":0,"abcdefghi":0,"abcdefghj":0}"#);
    let keys: Vec<String> = (0..64).map(|n| format!("\"key{n}\":0")).collect();
    check(&format!("{{{}}}", keys.join(",")));
    check(&format!("{}{}", "{\"a\":".repeat(63) + "{}", "}".repeat(63)));
}

#[test]
fn what_needs_a_closer_look_is_left_to_the_reader() {
    let check = |text: &str| check_taken_at_a_glance(text, false);
    check("[]");
    check("");
    check("{");
    check(r#"{"a""#);
    check(r#"{"a":"#);
    check(r#"{"a":1"#);
    check(r#"{"a":1,}"#);
    check(r#"{"a":[1,]}"#);
    check(r#"{"a": 1}"#);
    check(r#"{"a":1,"a":1}"#);
    check(r#"{"abcdefghi":1,"abcdefghj":1,"abcdefghi":1}"#);
    check(r#"{"1":1}"#);
    check(r#"{"a\n":1}"#);
    check(r#"{"a":"\/"}"#);
    check(r#"{"a":"\u001f"}"#);
    check(r#"{"a":1.0}"#);
    check(r#"{"a":01}"#);
    check(r#"{"a":-}"#);
    check(r#"{"a":-0}"#);
    check(r#"{"a":9007199254740993}"#);
    check(r#"{"a":tru}"#);
    check("{\"a\":\"\u{1}\"}");
    let keys: Vec<String> = (0..65).map(|n| format!("\"key{n}\":0")).collect();
    check(&format!("{{{}}}", keys.join(",")));
    check(&format!("{}{}", "{\"a\":".repeat(64) + "{}", "}".repeat(64)));
}

proptest! {
    #[test]
    fn a_glance_agrees_with_the_reader(value in any_json(), pretty: bool) {
        let object = serde_json::json!({ "a": value });
        let text = if pretty { format!("{object:#}") } else { object.to_string() };
        check_glance(text.as_bytes())?;
        let canonical = canonicalise(text.as_bytes())?;
        check_glance(canonical.as_bytes())?;
    }

    #[test]
    fn a_glance_agrees_on_mutated_documents(
        value in any_json(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..3),
    ) {
        let text = serde_json::json!({ "a": value }).to_string();
        let mut bytes = canonicalise(text.as_bytes())?.into_owned().into_bytes();
        for (place, byte, change) in changes {
            let at = place.index(bytes.len().max(1)).min(bytes.len());
            match change {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                // Keys twice, commas too many, quotes that end early.
                2 if at < bytes.len() => bytes.insert(at, bytes[at]),
                _ => bytes.truncate(at),
            }
        }
        check_glance(&bytes)?;
    }

    #[test]
    fn a_glance_agrees_on_json_like_soup(
        text in r#"\{("(a|b|\\n|\\u001f)?":?|[\[\]{},:"\\ 0-9.eE+\-u]|\\u[dD][89cC]00|true|é){0,60}\}?"#
    ) {
        check_glance(text.as_bytes())?;
    }
}

proptest! {
    #[test]
    fn means_the_same_and_is_a_fixed_point(value in any_json(), pretty: bool) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        let canonical = canonicalise(text.as_bytes())?;
        let read: Value = serde_json::from_str(&canonical).expect("still JSON");
        prop_assert!(same(&read, &value), "{} became {}", text, canonical);
        check_fixed_point(&canonical)?;
    }

    #[test]
    fn never_panics_on_mutated_documents(
        value in any_json(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..5),
    ) {
        let mut bytes = format!("{value:#}").into_bytes();
        for (place, byte, change) in changes {
            let at = place.index(bytes.len().max(1)).min(bytes.len());
            match change {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ => bytes.truncate(at),
            }
        }
        if let Ok(canonical) = canonicalise(&bytes) {
            check_fixed_point(&canonical)?;
        }
    }

    #[test]
    fn never_panics_on_json_like_soup(text in r#"([\[\]{},:"\\ 0-9.eE+\-u]|\\u[dD][89cC]00|true|é){0,60}"#) {
        if let Ok(canonical) = canonicalise(text.as_bytes()) {
            check_fixed_point(&canonical)?;
        }
    }

    #[test]
    fn never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = canonicalise(&bytes);
    }

    #[test]
    fn any_double_in_any_spelling_is_read_as_itself(bits: u64, digits in 17..40_usize) {
        let double = f64::from_bits(bits);
        prop_assume!(double.is_finite());
        let expected = ryu_js::Buffer::new().format_finite(double).to_owned();
        for spelling in [format!("{double:e}"), format!("{double:.digits$e}"), format!("{double}e0")] {
            let canonical = canonicalise(spelling.as_bytes())?;
            prop_assert_eq!(&*canonical, expected.as_str(), "{}", spelling);
        }
        check_fixed_point(&expected)?;
    }

    #[test]
    fn an_integer_is_kept_or_refused_but_never_changed(integer: i128, shift in 0..127_u32) {
        let written = (integer >> shift).to_string();
        if let Ok(canonical) = canonicalise(written.as_bytes()) {
            let read: f64 = canonical.parse().expect("a number");
            let digits = format!("{read:.0}").len();
            let significant = |text: &str| {
                let mantissa = text.split('e').next().unwrap_or(text).replace('.', "");
                mantissa.trim_end_matches('0').to_owned()
            };
            prop_assert_eq!(significant(&canonical), significant(&written));
            prop_assert_eq!(digits, written.len());
        }
    }
}
