//! Numbers in ECMAScript's spelling, and those that it cannot spell without changing them.

use std::borrow::Cow;
use std::fmt;

/// A decimal of so many significant digits survives the way through a double and back, so it is
/// its own shortest spelling and needs no conversion to know that (`DBL_DIG` in C).
pub(super) const DIGITS_ALWAYS_KEPT: usize = 15;
/// ECMAScript writes `0.000001` as it is and goes over to `1e-7` below.
const ZEROS_BEHIND_POINT_MAX: usize = 5;

/// No more digits than this can tell two doubles apart, or which is nearer (that takes 767).
const DIGITS_THAT_MATTER: usize = 800;
/// Texts that are longer are shortened before std reads them, see [`shortened`].
const LONG_TEXT: usize = 1_000;

/// A number as it is written.
pub(super) struct Spelling {
    pub(super) len: usize,
    /// Digits only, neither fraction nor exponent.
    pub(super) is_integer: bool,
    /// Known to be canonical without converting it.
    pub(super) is_canonical: bool,
}

/// Why a number cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Integer,
    TooLarge,
    TooSmall,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Loss::Integer => "the integer has more digits than a double keeps: send it as a string",
            Loss::TooLarge => "the number is too large for a double: send it as a string",
            Loss::TooSmall => {
                "the number is so small that a double makes it 0: send it as a string, or send 0"
            }
        })
    }
}

/// Reads the number that `bytes` starts with; fails with the place where a digit is missing.
pub(super) fn scan(bytes: &[u8]) -> Result<Spelling, usize> {
    let digits_from = |at: usize| {
        bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let negative = usize::from(bytes.first() == Some(&b'-'));
    let first = bytes.get(negative).copied();
    let whole = if first == Some(b'0') { 1 } else { digits_from(negative) };
    if whole == 0 {
        return Err(negative);
    }
    let mut len = negative + whole;
    let mut fraction: &[u8] = &[];
    if bytes.get(len) == Some(&b'.') {
        let count = digits_from(len + 1);
        if count == 0 {
            return Err(len + 1);
        }
        fraction = &bytes[len + 1..=len + count];
        len += 1 + count;
    }
    let has_exponent = matches!(bytes.get(len), Some(b'e' | b'E'));
    if has_exponent {
        len += 1 + usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let count = digits_from(len);
        if count == 0 {
            return Err(len);
        }
        len += count;
    }
    let is_integer = fraction.is_empty() && !has_exponent;
    let is_canonical = !has_exponent
        && whole + fraction.len() <= DIGITS_ALWAYS_KEPT
        && match (first, fraction) {
            (Some(b'0'), []) => negative == 0,
            (_, []) => true,
            (_, [.., b'0']) => false,
            (Some(b'0'), _) => {
                fraction.iter().take(ZEROS_BEHIND_POINT_MAX + 1).any(|digit| *digit != b'0')
            }
            _ => true,
        };
    Ok(Spelling { len, is_integer, is_canonical })
}

/// ECMAScript's spelling of the double nearest to the number `written`.
pub(super) fn canonical<'b>(
    written: &str,
    is_integer: bool,
    buffer: &'b mut ryu_js::Buffer,
) -> Result<&'b str, Loss> {
    let readable = if written.len() > LONG_TEXT { shortened(written) } else { written.into() };
    let double: f64 = readable.parse().expect("JSON numbers are among what std reads");
    if double.is_infinite() {
        return Err(Loss::TooLarge);
    }
    if double == 0.0 && significant_digits(written).next().is_some() {
        return Err(Loss::TooSmall);
    }
    let canonical = buffer.format_finite(double);
    // Both round to the same double, so with the same digits they have the same magnitude.
    if is_integer && !significant_digits(written).eq(significant_digits(canonical)) {
        return Err(Loss::Integer);
    }
    Ok(canonical)
}

/// The digits that say what a number is, apart from its magnitude: no zeros around them.
fn significant_digits(number: &str) -> impl Iterator<Item = u8> {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let trimmed = mantissa.trim_start_matches(['-', '0', '.']).trim_end_matches(['0', '.']);
    trimmed.bytes().filter(u8::is_ascii_digit)
}

/// The same number, as far as its double goes, with few digits. std stops reading an exponent
/// when it passes 65,535, on the grounds that the number is 0 or infinite by then; 100,000 zeros
/// behind the point with an exponent of 700,000 would come out wrong.
fn shortened(written: &str) -> Cow<'static, str> {
    let (mantissa, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let saturated = if exponent.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    let mut exponent: i64 = exponent.parse().unwrap_or(saturated);
    let mut digits = String::with_capacity(DIGITS_THAT_MATTER + 1);
    let mut behind_point = false;
    let mut more = false;
    for digit in mantissa.chars() {
        match digit {
            '-' => {}
            '.' => behind_point = true,
            _ if digits.len() < DIGITS_THAT_MATTER => {
                if digit != '0' || !digits.is_empty() {
                    digits.push(digit);
                }
                exponent = exponent.saturating_sub(i64::from(behind_point));
            }
            _ => {
                more |= digit != '0';
                exponent = exponent.saturating_add(i64::from(!behind_point));
            }
        }
    }
    // A last 1 says that the number is a little more than the digits before it.
    digits.push(if more { '1' } else { '0' });
    exponent = exponent.saturating_sub(1);
    let sign = if written.starts_with('-') { "-" } else { "" };
    Cow::Owned(format!("{sign}{digits}e{exponent}"))
}
