//! Numbers as C's printf writes them.

use std::io::Write;

/// 5^0 … 5^27, all that fit.
const POWERS_OF_FIVE: [u64; 28] = {
    let mut powers = [1; 28];
    let mut k = 1;
    while k < powers.len() {
        powers[k] = powers[k - 1] * 5;
        k += 1;
    }
    powers
};
/// More might not fit into 64 bits.
const MOST_DIGITS: usize = 16;
const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// `%u`.
pub(super) fn integer(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `%.{digits}e`: an exponent has a sign and at least two digits.
pub(super) fn exponential(value: f64, digits: usize, out: &mut Vec<u8>) {
    let Some((number, exponent)) = significant(value.abs(), digits) else { return slow(value, digits, out) };
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let number = buffer.format(number).as_bytes();
    out.push(number[0]);
    out.push(b'.');
    out.extend_from_slice(&number[1..]);
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    let exponent = exponent.unsigned_abs();
    if exponent < 10 {
        out.push(b'0');
    }
    integer(exponent, out);
}

/// The exponent of the first digit, and that digit with `digits` further ones as one number: rounded exactly, a tie to even.
/// `None` where 128 bits do not hold the whole product, or there are no digits after the point.
fn significant(value: f64, digits: usize) -> Option<(u64, i32)> {
    if !(value.is_normal() && (1..=MOST_DIGITS).contains(&digits)) {
        return None;
    }
    let biased = (value.to_bits() >> MANTISSA_BITS) as i32;
    let mantissa = value.to_bits() & ((1 << MANTISSA_BITS) - 1) | 1 << MANTISSA_BITS;
    let least = 10u64.pow(digits as u32);
    // log10(2) is 1233/4096: right, or one off.
    let mut exponent = ((biased - 1023) * 1233) >> 12;
    loop {
        // value · 10^tens = mantissa · 5^tens · 2^-shift
        let tens = digits as i32 - exponent;
        let shift = u32::try_from(1023 + MANTISSA_BITS as i32 - biased - tens).ok().filter(|n| (1..128).contains(n))?;
        let five = *POWERS_OF_FIVE.get(usize::try_from(tens).ok()?)?;
        let product = u128::from(mantissa) * u128::from(five);
        let (whole, rest, half) = ((product >> shift) as u64, product << (128 - shift), 1 << 127);
        let number = whole + u64::from(rest > half || rest == half && whole % 2 == 1);
        match whole {
            _ if whole < least => exponent -= 1,
            _ if whole >= 10 * least => exponent += 1,
            // 9.99… rounded up
            _ if number == 10 * least => return Some((least, exponent + 1)),
            _ => return Some((number, exponent)),
        }
    }
}

/// By the standard library, whatever the number.
fn slow(value: f64, digits: usize, out: &mut Vec<u8>) {
    // writing into a vector cannot fail
    let start = out.len();
    let _ = match (value.is_nan(), value.is_infinite()) {
        (true, _) => write!(out, "{}nan", if value.is_sign_negative() { "-" } else { "" }),
        (_, true) => write!(out, "{value}"),
        _ => write!(out, "{value:.digits$e}"),
    };
    let Some(after) = memchr::memrchr(b'e', &out[start..]).map(|e| start + e + 1) else { return };
    if out[after] != b'-' {
        out.insert(after, b'+');
    }
    if out.len() < after + 3 {
        out.insert(after + 1, b'0');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(f64, usize, &mut Vec<u8>), value: f64, digits: usize) -> String {
        let mut out = b"1.0e+00 ".to_vec();
        write(value, digits, &mut out);
        let text = String::from_utf8(out).unwrap();
        text.strip_prefix("1.0e+00 ").unwrap().to_owned()
    }

    #[test]
    fn exponents_as_in_c() {
        for (value, expected) in [
            (-0.0, "-0.00000000e+00"),
            (1.5e-8, "1.50000000e-08"),
            (-2.09039843, "-2.09039843e+00"),
            (1e123, "1.00000000e+123"),
            (9.999999995, "9.99999999e+00"),
            (9.9999999996, "1.00000000e+01"),
            (5e-324, "4.94065646e-324"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(exponential, value, 8), expected);
        }
    }

    /// Numbers of all sizes, those that end in a tie, and those around powers of ten.
    #[test]
    fn all_digits_are_those_of_the_standard_library() {
        let mut state = 1u64;
        let mut n_fast = 0;
        for k in 0..400_000u32 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let mantissa = (state >> 11) as f64 / (1u64 << 53) as f64;
            let value = match k % 4 {
                0 => f64::from_bits(state),
                1 => (mantissa - 0.5) * 10f64.powi(k as i32 / 4 % 30 - 22),
                2 => f64::from(k) + 0.5,
                _ => 10f64.powi(k as i32 % 60 - 30) * (1.0 + (mantissa - 0.5) * 1e-9),
            };
            let digits = (state % 17) as usize;
            n_fast += u32::from(significant(value.abs(), digits).is_some());
            assert_eq!(text(exponential, value, digits), text(slow, value, digits), "{value:e} with {digits}");
        }
        assert!(n_fast > 150_000, "{n_fast}");
    }
}
