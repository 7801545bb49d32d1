//! The page that shows bands and densities of states: what is in the file, and what a browser makes of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use hzero::bands::dos::{Dos, DosCurve};
use hzero::bands::kpath::{Corner, KPath};
use hzero::bands::page::Page;
use hzero::bands::structure::{BandStructure, Curve, Role};
use nalgebra::Matrix3;
use serde_json::{Value, json};

/// A name that tries to leave every place it is put into.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)> \"'& {{data}} <!--";
const WINDOW: [f64; 2] = [-7.0, 7.0];
const POINTS: usize = 121;

/// Γ – M – K – Γ, 40 steps each.
fn path() -> KPath {
    let corners = [[0.0; 3], [0.5, 0.0, 0.0], [1.0 / 3.0, 1.0 / 3.0, 0.0], [0.0; 3]];
    let labels = ["Γ", "M", "K", "Γ"];
    let point = |i: usize| {
        let (leg, t) = (i / 40, (i % 40) as f64 / 40.0);
        let next = corners[(leg + 1).min(3)];
        [0, 1, 2].map(|a| corners[leg][a] + (next[a] - corners[leg][a]) * t)
    };
    let corner = |i: usize| Corner { index: 40 * i, label: labels[i].into(), ends: i == 3 };
    KPath {
        points: (0..POINTS).map(point).collect(),
        distances: (0..POINTS).map(|i| i as f64 * 0.01).collect(),
        corners: (0..4).map(corner).collect(),
        reciprocal: Matrix3::identity(),
    }
}

/// Band 1, 2, 3, … of these bands, eV.
fn energy(band: usize, k: usize) -> f64 {
    -5.0 + 3.0 * (band - 1) as f64 + 0.71 * (0.05 * (k * band) as f64).cos()
}

/// Four bands with weights on two groups, of which the first has 1/band.
fn bands() -> BandStructure {
    let at_k = |k: usize| (1..=4).map(|band| energy(band, k) / 27.0).collect::<Vec<_>>();
    let weights = |_| (1..=4).map(|band| vec![1.0 / band as f64, 1.0 - 1.0 / band as f64]).collect::<Vec<_>>();
    let curve = |name: &str, role, weights| Curve {
        name: name.into(),
        role,
        energies: vec![(0..POINTS).map(at_k).collect()],
        weights,
        first_band: None,
        fermi_level: Some(0.0),
        zero: 0.0,
    };
    let weights = vec![(0..POINTS).map(weights).collect()];
    BandStructure {
        path: path(),
        curves: vec![curve(HOSTILE, Role::Predicted, None), curve("SCF", Role::Scf, Some(weights))],
        groups: vec!["C s".into(), HOSTILE.into()],
        unfolded: false,
        spinor: false,
        relative: true,
        ev_per_hartree: 27.0,
        angstrom_per_bohr: 0.5,
    }
}

fn dos() -> Dos {
    let energies: Vec<f64> = (-70..=70).map(|i| i as f64 / 270.0).collect();
    let total: Vec<f64> = energies.iter().map(|e| 30.0 + 20.0 * (40.0 * e).sin()).collect();
    let halves = vec![vec![total.iter().map(|x| 0.5 * x).collect(); 2]];
    let integrated = vec![energies.iter().map(|e| 8.0 + 30.0 * e).collect()];
    let curve = DosCurve {
        name: "SCF".into(),
        role: Role::Scf,
        fermi_level: Some(0.0),
        zero: 0.0,
        total: vec![total],
        integrated,
        projected: Some(halves),
    };
    Dos {
        energies,
        groups: vec!["C s".into(), HOSTILE.into()],
        curves: vec![curve],
        relative: true,
        ev_per_hartree: 27.0,
    }
}

fn page() -> String {
    let (bands, dos) = (bands(), dos());
    Page { title: HOSTILE, stem: "bands", window: WINDOW, bands: Some(&bands), dos: Some(&dos) }.html().unwrap()
}

/// What the script reads.
fn data(page: &str) -> Value {
    let start = page.split("id=\"data\">").nth(1).unwrap();
    serde_json::from_str(start.split("</script>").next().unwrap()).unwrap()
}

#[test]
fn the_file_holds_all_it_needs_and_the_numbers() {
    let page = page();
    for outside in ["http://", "https://", "src=\"", "@import", "url("] {
        let found = page.replace("http://www.w3.org/", "").matches(outside).count();
        assert_eq!(found, usize::from(outside == "url("), "{outside}");
    }
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    assert_eq!(page.matches("</script>").count(), 2, "a name left its script");
    let data = data(&page);
    let series = &data["bands"]["series"][1];
    assert_eq!(series["energies"][40][1].as_f64().unwrap(), (energy(2, 40) * 1e5).round() / 1e5);
    assert_eq!(series["weights"][7][2], json!([333, 667]));
    assert_eq!(data["bands"]["groups"][1], HOSTILE);
    assert_eq!(data["bands"]["ticks"][2], json!([1.6, "K"]));
    assert_eq!(data["dos"]["series"][0]["total"][70].as_f64().unwrap(), 1.11111);
    assert_eq!(data["window"], json!(WINDOW));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (bands, mut dos) = (bands(), dos());
    let page = Page { title: "", stem: "", window: WINDOW, bands: None, dos: None };
    assert_eq!(page.html().unwrap_err().to_string(), "a page needs bands or densities of states");
    dos.groups[0] = "Si".into();
    let message = Page { bands: Some(&bands), dos: Some(&dos), ..page }.html().unwrap_err().to_string();
    assert!(message.starts_with("bands have the groups [\"C s\""), "{message}");
}

/// Chromium under one of its names, or as `HZERO_CHROMIUM` says.
fn browser() -> Option<PathBuf> {
    let asked = std::env::var_os("HZERO_CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map(PathBuf::from);
    let works = |name: &PathBuf| Command::new(name).arg("--version").output().is_ok_and(|said| said.status.success());
    asked.into_iter().chain(names).find(works)
}

/// The document after a browser has run its scripts.
fn dumped(browser: &Path, folder: &Path, page: &str) -> String {
    let file = folder.join("page.html");
    std::fs::write(&file, page).unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--window-size=1200,800", "--virtual-time-budget=20000", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    let output = command.arg(format!("file://{}", file.display())).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What a reader sees who points, zooms and switches.
fn seen(browser: &Path, page: &str, state: Value) -> Value {
    let listen = format!("<head><script>{}</script>", include_str!("page/listen.js"));
    let act = format!("<script>const STATE = {state};\n{}</script></body>", include_str!("page/act.js"));
    let page = page.replacen("<head>", &listen, 1).replacen("</body>", &act, 1);
    let folder = tempfile::tempdir().unwrap();
    let document = dumped(browser, folder.path(), &page);
    let note = document.split("<pre id=\"seen\">").nth(1).unwrap_or_else(|| panic!("nothing seen in {document}"));
    let note = note.split("</pre>").next().unwrap();
    let note = note.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    serde_json::from_str(&note).unwrap()
}

#[test]
fn a_browser_shows_states_and_zooms() {
    let Some(browser) = browser() else {
        println!("skipped: no chromium (scripts/setup.sh --peers)");
        return;
    };
    let k = 40;
    let seen = seen(&browser, &page(), json!({ "label": "M", "energy": energy(2, k) }));
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    assert_eq!((&seen["requests"], &seen["images"]), (&json!([]), &json!(0)));
    assert_eq!((seen["title"].as_str(), seen["heading"].as_str()), (Some(HOSTILE), Some(HOSTILE)));
    let legend = [&format!("{HOSTILE}EF = 0.0000 eV"), "convergedEF = 0.0000 eV", "C s", HOSTILE];
    assert_eq!(seen["legend"], json!(legend));
    for label in ["Γ", "M", "K", "E − E", "F", " (eV)", "states / eV"] {
        assert!(seen["labels"].as_array().unwrap().contains(&json!(label)), "{label}: {}", seen["labels"]);
    }

    let rows = |band: usize| {
        let energy = format!("{:.4} eV", energy(band, k)).replace('-', "−");
        let weight = |part: f64| format!("{:.1} %", 100.0 * (part * 1000.0).round() / 1000.0);
        let first = 1.0 / band as f64;
        json!([
            ["band", band.to_string()],
            ["k", "(0.5000, 0.0000, 0.0000)"],
            ["", "M"],
            ["E − EF", energy],
            ["C s", weight(first)],
            [HOSTILE, weight(1.0 - first)],
        ])
    };
    assert_eq!((&seen["empty"], &seen["away"]), (&json!(true), &json!(true)));
    assert_eq!(seen["tooltip"], rows(2));
    assert_eq!(seen["above"], rows(3));

    let ticks = |name: &str| -> Vec<f64> { serde_json::from_value(seen[name].clone()).unwrap() };
    assert_eq!(ticks("ticks"), [-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0]);
    let span = |ticks: &[f64]| ticks[ticks.len() - 1] - ticks[0];
    assert!(span(&ticks("zoomed")) < 0.7 * span(&ticks("ticks")), "{:?}", ticks("zoomed"));
    assert!(
        seen["moved"].as_f64().unwrap().abs() < 1.0,
        "the energy under the pointer moved by {} pixels",
        seen["moved"]
    );
    assert_eq!(ticks("reset"), ticks("ticks"));
    let dragged = ticks("dragged");
    assert!((-1.1..=-0.4).contains(&dragged[0]) && (0.4..=1.1).contains(&dragged[dragged.len() - 1]), "{dragged:?}");
    assert_eq!(seen["corners"], json!(["M"]));

    assert!(seen["csv"][1].as_str().unwrap().contains(",1,0,0,0,0,"), "{}", seen["csv"]);
    assert_eq!(seen["hidden"], 4, "paths of the bands of one Hamiltonian");
    let inked = seen["inked"].as_f64().unwrap();
    assert!((0.01..0.5).contains(&inked), "{inked}");
}
