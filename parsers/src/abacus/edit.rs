//! INPUT changed line by line, so that it still looks like the user's own, and changed back.

use super::input_file::{InputFile, InputLine};

/// Key, value, and why.
pub type Setting<'a> = (&'a str, &'a str, &'a str);

/// The text of `input` with `settings` in place of the user's; the other keys in `dropped` become comments that end with `why`.
/// A changed line says what it was; a line that says what it should stays as it is.
pub fn edited(input: &InputFile, settings: &[Setting], dropped: &[&str], why: &str) -> String {
    let lines = input.lines().iter().map(|line| match &line.entry {
        Some((key, value)) => edited_line(&line.text, key, value, settings, dropped, why),
        None => line.text.clone(),
    });
    let missing = settings.iter().filter(|(key, ..)| input.get(key).is_none());
    let added = missing.map(|&(key, value, reason)| format!("{key:<18} {value}{}", added(reason)));
    lines.chain(added).map(|line| line + "\n").collect()
}

fn edited_line(text: &str, key: &str, value: &str, settings: &[Setting], dropped: &[&str], why: &str) -> String {
    match settings.iter().find(|(k, ..)| *k == key) {
        // what follows the first word are details, such as digits
        Some((_, wanted, _)) if value.split(' ').next() == Some(wanted) => text.to_owned(),
        Some((_, wanted, reason)) => format!("{key:<18} {wanted}  # was {value}: {reason}"),
        None if dropped.contains(&key) => format!("# {text}{}", left_out(why)),
        None => text.to_owned(),
    }
}

fn added(reason: &str) -> String {
    format!("  # added: {reason}")
}

fn left_out(why: &str) -> String {
    format!("  ({why})")
}

/// The text from which [`edited`] made `input`, but for spaces: lines that do not bear its marks stay.
pub fn restored(input: &InputFile, settings: &[Setting], why: &str) -> String {
    let lines = input.lines().iter().filter_map(|line| restored_line(line, settings, why));
    lines.map(|line| line + "\n").collect()
}

fn restored_line(line: &InputLine, settings: &[Setting], why: &str) -> Option<String> {
    let text = &line.text;
    let Some((key, _)) = &line.entry else {
        let original = text.strip_prefix("# ").and_then(|text| text.strip_suffix(&left_out(why)));
        return Some(original.unwrap_or(text).to_owned());
    };
    let reason = settings.iter().find(|(k, ..)| k == key).map(|(.., reason)| *reason);
    match (reason, text.split_once("  # was ")) {
        (Some(reason), _) if text.ends_with(&added(reason)) => None,
        (Some(reason), Some((_, was))) => {
            let original = was.strip_suffix(&format!(": {reason}"));
            Some(original.map_or(text.clone(), |value| format!("{key:<18} {value}")))
        }
        _ => Some(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "INPUT_PARAMETERS\n# iron\nnspin              2\nout_band           1 10\nscf_nmax           100\ninit_wfc file\n";
    const SETTINGS: [Setting; 4] = [
        ("scf_nmax", "1", "one step"),
        ("nspin", "2", "as it was"),
        ("out_band", "1", "bands"),
        ("mixing_beta", "0", "no mixing"),
    ];

    #[test]
    fn edits_are_visible_and_can_be_undone() {
        let parse = |text: &str| InputFile::parse(text.as_bytes()).unwrap();
        let text = edited(&parse(USER), &SETTINGS, &["init_wfc"], "left out");
        let expected = "INPUT_PARAMETERS\n# iron\nnspin              2\nout_band           1 10\nscf_nmax           1  # was 100: one step\n\
                        # init_wfc file  (left out)\nmixing_beta        0  # added: no mixing\n";
        assert_eq!(text, expected);
        assert_eq!(restored(&parse(&text), &SETTINGS, "left out"), USER);
        assert_eq!(restored(&parse(USER), &SETTINGS, "left out"), USER);
    }
}
