use super::*;

fn run() -> Calculation {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/siesta/fe");
    crate::read(folder.as_ref(), &Default::default()).unwrap()
}

#[test]
fn what_a_folder_cannot_say_comes_back() {
    let run = run();
    let mut order = Reordering::none(&run);
    order.shells[0].reverse();
    let companion = Companion::new("deeph", &run, Some(Of::Scf), &order);
    let folder = tempfile::tempdir().unwrap();
    companion.write(folder.path()).unwrap();
    assert_eq!(Companion::read(folder.path()).unwrap().as_ref(), Some(&companion));
    let mut poor = order.apply(run.clone()).unwrap();
    poor.structure.positions[0].x += 1e-9;
    (poor.fermi_level, poor.smearing, poor.n_electrons) = (None, None, None);
    let whole = companion.restore(poor, &ReadOptions::default()).unwrap();
    assert_eq!((&whole.structure, &whole.basis), (&run.structure, &run.basis));
    assert!(whole.hamiltonian == run.hamiltonian && whole.overlap == run.overlap);
    assert_eq!((whole.fermi_level, whole.smearing), (run.fermi_level, run.smearing));
    assert_eq!((whole.n_electrons, whole.valence_charges), (run.n_electrons, run.valence_charges));
}

#[test]
fn the_companion_of_another_run_is_refused() {
    let run = run();
    let mut companion = Companion::new("deeph", &run, None, &Reordering::none(&run));
    companion.positions_bohr[0][0] += 0.1;
    let message = companion.restore(run.clone(), &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("positions by 1.0e-1 bohr from those of hzero.json"), "{message}");
    companion.species_of.push(0);
    let message = companion.restore(run, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.ends_with("atoms, but hzero.json describes 2"), "{message}");
}
