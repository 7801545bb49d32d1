use super::*;

#[test]
fn every_format_is_found_by_its_name() {
    for &format in Format::ALL {
        assert_eq!(Format::from_name(format.capabilities().name), Some(format));
        assert!(table().contains(format.capabilities().name));
    }
    assert_eq!(Format::from_name("vasp"), None);
}

#[test]
fn names_tell_where_they_are_the_codes_own() {
    let of = |name: &str| Format::of_file_name(Path::new(name));
    assert_eq!(of("out/mos2.TSHS"), Some(Format::SiestaTshs));
    assert_eq!(of("H_IN"), Some(Format::SiestaHin));
    assert_eq!(of("dmrs2_nao.csr"), Some(Format::AbacusNew));
    assert_eq!(of("data-SR-sparse_SPIN0.csr"), Some(Format::AbacusOld));
    assert_eq!([of("out"), of("H.csr"), of("HSX")], [None; 3]);
}

#[test]
fn content_decides() {
    assert_eq!(Format::guess(b"STEP: 0\n"), Some(Format::AbacusOld));
    assert_eq!(Format::guess(b" --- Ionic Step 1 ---\n"), Some(Format::AbacusNew));
    assert_eq!(Format::guess(b"PK\x03\x04"), None);
    assert_eq!(Format::guess(b""), None);
}

fn records(records: &[&[i32]]) -> Vec<u8> {
    let marked = |record: &&[i32]| [&[4 * record.len() as i32][..], record, &[4 * record.len() as i32]].concat();
    records.iter().flat_map(marked).flat_map(i32::to_le_bytes).collect()
}

#[test]
fn binaries_are_told_by_their_first_numbers() {
    let n_col = [7; 23];
    let cases: [(&[&[i32]], Format); 6] = [
        (&[&[23, 23, 1, 529], &[0], &[1]], Format::SiestaHsx),
        (&[&[2], &[1], &[3, 23, 1, 2, 1, 1, 1]], Format::SiestaHsx),
        (&[&[1], &[3, 23, 23, 1, 529]], Format::SiestaTshs),
        (&[&[23, 1, 1, 1, 1], &n_col], Format::SiestaDm),
        (&[&[23, 1], &n_col], Format::SiestaHin),
        (&[&[23, 1, 1], &n_col], Format::AbacusOld),
    ];
    for (content, format) in cases {
        let expected = Some(format).filter(|format| format.capabilities().code == Some(Code::Siesta));
        assert_eq!(Format::guess(&records(content)), expected, "{content:?}");
    }
    let scfout = [3, 12, 0, 0, 0, 124, 1];
    for bytes in [i32::to_le_bytes, i32::to_be_bytes] {
        assert_eq!(Format::guess(&scfout.map(bytes).concat()), Some(Format::OpenMxScfout));
    }
}
