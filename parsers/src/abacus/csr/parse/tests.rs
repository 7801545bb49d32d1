use super::*;

const DIMENSION: usize = 640;

/// One dense matrix whose values take two parts of the file.
fn large() -> (Csr, Vec<u8>) {
    let n = DIMENSION * DIMENSION;
    let block = Block {
        r: [0, 0, 0],
        values: (0..n).map(|k| f64::from(k as u32 % 1000) * 0.25 - 125.0).collect(),
        columns: (0..n).map(|k| (k % DIMENSION) as u32).collect(),
        row_pointers: (0..=DIMENSION).map(|row| (row * DIMENSION) as u32).collect(),
    };
    let header = Header::old_layout(Quantity::Hamiltonian, 0);
    let csr = Csr { header, dimension: DIMENSION, digits: 8, blocks: Blocks::Real(vec![block]) };
    let mut bytes = Vec::new();
    csr.write(&mut bytes).unwrap();
    (csr, bytes)
}

#[test]
fn arrays_of_several_parts_are_read_whole() {
    let (csr, bytes) = large();
    assert!(bytes.len() > BYTES_OF_PART + BYTES_OF_PART / 4);
    assert!(Csr::parse(&bytes, None).unwrap() == csr);
}

#[test]
fn an_error_in_a_later_part_has_its_place() {
    let (_, mut bytes) = large();
    let values = memchr::memmem::find(&bytes, b"\n -1.25").unwrap() + 1;
    let near_end = values + BYTES_OF_PART + 1000;
    let number = near_end + memchr::memchr(b' ', &bytes[near_end..]).unwrap() + 1;
    bytes[number] = b'x';
    let error = Csr::parse(&bytes, None).unwrap_err().to_string();
    let place = format!("5:{}: expected a number, found `x", number - values + 1);
    assert!(error.starts_with(&place), "{error}, {place}");
    // Two numbers that run together are one too few.
    bytes[number - 1..number + 1].copy_from_slice(b"11");
    let error = Csr::parse(&bytes, None).unwrap_err().to_string();
    assert!(error.starts_with("5:") && error.contains("expected a number"), "{error}");
}
