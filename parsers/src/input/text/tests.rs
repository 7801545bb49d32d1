use super::*;

#[test]
fn parts_hold_whole_tokens() {
    let file = b"12 345\n 6  7890 1\n";
    for bytes in 1..file.len() + 2 {
        let parts = Text::new(file).parts(bytes);
        assert_eq!(parts.iter().map(Text::n_tokens).sum::<usize>(), 5, "{bytes} bytes");
        let numbers = |mut part: Text| (0..part.n_tokens()).map(|_| part.unsigned().unwrap()).collect::<Vec<_>>();
        assert_eq!(parts.into_iter().flat_map(numbers).collect::<Vec<_>>(), [12, 345, 6, 7890, 1], "{bytes} bytes");
    }
    assert!(Text::new(b"").parts(3).is_empty());
}

#[test]
fn tokens_know_their_place() {
    let mut text = Text::new(b"1 2.5e-3\n 7 x");
    assert_eq!(text.unsigned().unwrap(), 1);
    assert_eq!(text.f64().unwrap(), 2.5e-3);
    assert_eq!(text.integer().unwrap(), 7);
    assert_eq!(text.unsigned().unwrap_err().to_string(), "2:4: expected an unsigned integer, found `x`");
}

#[test]
fn half_a_number_is_no_number() {
    for bad in ["1.0D-03", "1.0-103", "****", "nan", "inf", "1e999"] {
        let error = Text::new(bad.as_bytes()).f64().unwrap_err();
        assert_eq!(error.to_string(), format!("1:1: expected a number, found `{bad}`"));
    }
}

#[test]
fn complex_numbers() {
    assert_eq!(Text::new(b" (1.5,-2) ").complex().unwrap(), Complex::new(1.5, -2.0));
    let error = Text::new(b"(1.5, 2)").complex().unwrap_err();
    assert_eq!(error.to_string(), "1:1: expected a complex number (re,im), found `(1.5,`");
}

#[test]
fn the_fast_way_gives_the_same_numbers() {
    let mut seed = 1_u64;
    for _ in 0..100_000 {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let (mantissa, exponent) = ((seed >> 20) % 2_000_000_000, (seed >> 52) % 40);
        let sign = if mantissa % 2 == 0 { "-" } else { "" };
        let exponent_sign = if mantissa % 3 == 0 { '+' } else { '-' };
        let (first, fraction) = (mantissa / 200_000_000, mantissa % 100_000_000);
        let text = format!("{sign}{first}.{fraction:08}e{exponent_sign}{exponent:02}");
        assert_eq!(Text::new(text.as_bytes()).f64().unwrap().to_bits(), text.parse::<f64>().unwrap().to_bits());
    }
}

#[test]
fn eight_digits_are_digits() {
    assert_eq!(eight_digits(*b"12345678"), Some(12_345_678));
    for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
        for place in 0..8 {
            let mut bytes = *b"99999999";
            bytes[place] = byte;
            assert_eq!(eight_digits(bytes), None, "{byte} at {place}");
        }
    }
}

#[test]
fn large_integers_do_not_wrap() {
    assert!(Text::new(b"99999999999999999999999").unsigned().is_err());
}
