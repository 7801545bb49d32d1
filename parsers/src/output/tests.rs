use super::*;

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("H.csr");
    write_file(&path, |out| out.write_all(b"old")).unwrap();
    let failed = write_file(&path, |out| {
        out.write_all(b"new")?;
        Err(io::Error::other("disk is full"))
    });
    assert!(failed.unwrap_err().to_string().ends_with("H.csr: disk is full"));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.collect()
}

#[test]
fn a_folder_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let fill = |text: &'static str| move |stage: &Path| std::fs::write(stage.join("mark"), text).map_err(Error::from);
    let broken = write_folder(&path, None, |stage| {
        fill("half")(stage)?;
        Err(Error::unsupported("no"))
    });
    assert!(broken.is_err() && names(&folder.path().join("a")).is_empty());
    write_folder(&path, None, fill("first")).unwrap();
    let again = write_folder(&path, None, fill("second")).unwrap_err().to_string();
    assert!(again.ends_with("b: the folder is not empty; --force replaces it"), "{again}");
    let other = write_folder(&path, Some(&own(&["other"])), fill("second")).unwrap_err().to_string();
    assert!(other.contains("b/mark: no conversion is known to have written this file"), "{other}");
    assert_eq!(std::fs::read(path.join("mark")).unwrap(), b"first");
    write_folder(&path, Some(&own(&["mark"])), fill("second")).unwrap();
    assert_eq!(std::fs::read(path.join("mark")).unwrap(), b"second");
    assert_eq!((names(&folder.path().join("a")), names(&path)), (vec!["b".into()], vec!["mark".into()]));
}

fn own(files: &[&str]) -> BTreeSet<PathBuf> {
    files.iter().map(PathBuf::from).collect()
}

#[test]
fn what_others_put_into_a_folder_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    std::fs::create_dir_all(path.join("OUT")).unwrap();
    for (file, text) in [("H", "old"), ("gone", "old"), ("OUT/band", "mine"), ("notes", "mine")] {
        std::fs::write(path.join(file), text).unwrap();
    }
    let fill = |stage: &Path| std::fs::write(stage.join("H"), "new").map_err(Error::from);
    write_folder(&path, Some(&own(&["H", "gone"])), fill).unwrap();
    let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap();
    assert_eq!([read("H"), read("OUT/band"), read("notes")], ["new", "mine", "mine"]);
    assert!(!path.join("gone").exists());
    assert_eq!(names(folder.path()), ["run"]);
}

/// Also where the new one vanished before it could take its place.
#[test]
fn a_folder_that_cannot_be_replaced_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("H"), "old").unwrap();
    let vanish = |stage: &Path| std::fs::remove_dir(stage).map_err(Error::from);
    assert!(write_folder(&path, Some(&own(&["H"])), vanish).is_err());
    assert_eq!((names(folder.path()), names(&path)), (vec!["run".into()], vec!["H".into()]));
}

#[test]
fn one_file_of_a_stage_becomes_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mos2.HSX");
    let write = |stage: &Path| {
        std::fs::write(stage.join("mos2.XV"), "")?;
        std::fs::write(stage.join("run.HSX"), "H")?;
        Ok(stage.join("run.HSX"))
    };
    write_file_of(&path, false, write).unwrap();
    let again = write_file_of(&path, false, write).unwrap_err().to_string();
    assert!(again.ends_with("mos2.HSX: there is a file of this name; --force replaces it"), "{again}");
    write_file_of(&path, true, write).unwrap();
    assert_eq!(names(folder.path()), ["mos2.HSX"]);
}

#[test]
fn files_move_into_a_folder_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    std::fs::create_dir_all(path.join("OUT")).unwrap();
    std::fs::write(path.join("OUT/H"), "old").unwrap();
    std::fs::write(path.join("notes"), "mine").unwrap();
    let fill = |stage: &Path| {
        std::fs::create_dir(stage.join("OUT"))?;
        Ok(std::fs::write(stage.join("OUT/H"), "new")?)
    };
    let broken = |stage: &Path| fill(stage).and(Err::<(), _>(Error::unsupported("no").in_file(stage.join("OUT/H"))));
    let message = write_into(&path, false, broken).unwrap_err().to_string();
    assert_eq!(message, format!("{}: no", path.join("OUT/H").display()));
    assert_eq!(std::fs::read(path.join("OUT/H")).unwrap(), b"old");
    let taken = write_into(&path, false, fill).unwrap_err().to_string();
    assert!(taken.ends_with("OUT/H: there is a file of this name; --force replaces it"), "{taken}");
    write_into(&path, true, fill).unwrap();
    assert_eq!(std::fs::read(path.join("OUT/H")).unwrap(), b"new");
    assert_eq!((names(folder.path()), path.join("notes").is_file()), (vec!["run".into()], true));
}

#[test]
fn what_a_killed_program_left_goes() {
    let folder = tempfile::tempdir().unwrap();
    // Numbers of processes end at 2²² on Linux.
    std::fs::create_dir_all(folder.path().join(".hzero-99999999-Ab3/OUT")).unwrap();
    std::fs::create_dir_all(folder.path().join(".hzero-99999998-old-x/run")).unwrap();
    std::fs::write(folder.path().join(".hzero-99999999-x"), "").unwrap();
    std::fs::write(folder.path().join(".hzero-1-of_another"), "").unwrap();
    std::fs::write(folder.path().join(".hzero-new"), "").unwrap();
    std::fs::write(folder.path().join("hzero.json"), "").unwrap();
    remove_stages(folder.path()).unwrap();
    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, [".hzero-1-of_another", ".hzero-new", "hzero.json", "run"]);
}
