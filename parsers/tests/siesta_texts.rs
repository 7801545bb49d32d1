//! Every text parser of SIESTA on real, broken and damaged files.

mod runs;

use std::path::{Path, PathBuf};

use hzero_parsers::Result;
use hzero_parsers::siesta::eigenvalues::{Bands, Eigenvalues, parse_kp};
use hzero_parsers::siesta::fdf::{Fdf, grammar};
use hzero_parsers::siesta::geometry::Geometry;
use hzero_parsers::siesta::ion_xml::IonXml;
use hzero_parsers::siesta::log::Log;
use hzero_parsers::siesta::orb_indx::OrbIndx;

type Parser = fn(&[u8]) -> Result<()>;

/// Parsers by the end of the file's name.
const PARSERS: [(&str, Parser); 9] = [
    (".fdf", |b| grammar::statements(&String::from_utf8_lossy(b)).map(drop)),
    (".XV", |b| Geometry::parse_xv(b).map(drop)),
    (".STRUCT_OUT", |b| Geometry::parse_struct_out(b, 0.529177).map(drop)),
    (".EIG", |b| Eigenvalues::parse_eig(b).map(drop)),
    (".KP", |b| parse_kp(b).map(drop)),
    (".bands", |b| Bands::parse(b).map(drop)),
    (".ORB_INDX", |b| OrbIndx::parse(b).and_then(|table| table.species()).map(drop)),
    (".ion.xml", |b| IonXml::parse(b).map(drop)),
    (".out", |b| Log::parse(b).map(drop)),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn parser_of(path: &Path) -> Option<usize> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    PARSERS.iter().position(|(end, _)| name.ends_with(end))
}

#[test]
fn real_files_are_read_and_damaged_ones_do_no_harm() {
    let mut found = Vec::new();
    runs::walk(&fixtures().join("siesta"), &|_| true, &mut found);
    let mut counts = [0; PARSERS.len()];
    for path in found {
        let Some(kind) = parser_of(&path) else { continue };
        let (bytes, parser) = (std::fs::read(&path).unwrap(), PARSERS[kind].1);
        parser(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        counts[kind] += 1;
        if counts[kind] <= 2 {
            runs::damage(&bytes[..bytes.len().min(6000)], b"9-\n\xff%\"<>", parser);
        }
    }
    assert!(counts.iter().all(|&n| n > 0), "no file for some parser: {counts:?}");
}

/// `NAME.END` are broken on purpose; `NAME.END.txt` holds the message.
#[test]
fn every_bad_file_gives_its_message() {
    let folder = fixtures().join("bad/siesta-text");
    let mut found = Vec::new();
    runs::walk(&folder, &|_| true, &mut found);
    let mut n = 0;
    for path in found {
        let Some(kind) = parser_of(&path) else { continue };
        let error = match PARSERS[kind].0 {
            ".fdf" => Fdf::read(&path).map(drop).expect_err("a bad file was read"),
            _ => PARSERS[kind].1(&std::fs::read(&path).unwrap()).expect_err("a bad file was read").in_file(&path),
        };
        let message = error.to_string().replace(&format!("{}/", folder.display()), "");
        let expected = PathBuf::from(format!("{}.txt", path.display()));
        if std::env::var_os("HZERO_BLESS").is_some() {
            std::fs::write(&expected, format!("{message}\n")).unwrap();
        }
        assert_eq!(message, std::fs::read_to_string(&expected).unwrap().trim_end(), "{}", path.display());
        n += 1;
    }
    assert!(n >= 15, "only {n} bad files");
}
