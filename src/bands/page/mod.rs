//! Bands and densities of states as one HTML file in which a person can point, zoom and switch lines on and off.
//!
//! The file holds its data, style and script, and asks nothing of any network (its content security policy forbids it).

mod data;

use self::data::Data;
use super::dos::Dos;
use super::structure::BandStructure;
use crate::parsers::Error;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: [&str; 12] = [
    include_str!("view.js"),
    include_str!("style.js"),
    include_str!("svg.js"),
    include_str!("bands.js"),
    include_str!("dos.js"),
    include_str!("legend.js"),
    include_str!("axes.js"),
    include_str!("page.js"),
    include_str!("tooltip.js"),
    include_str!("input.js"),
    include_str!("save.js"),
    include_str!("start.js"),
];

/// What is shown. Bands and densities of states share the axis of energies, and the groups of orbitals where both have some.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Heading, such as the run's name.
    pub title: &'a str,
    /// Name of files that the reader saves, without ending.
    pub stem: &'a str,
    /// Energies at first, eV relative to zero.
    pub window: [f64; 2],
    /// The bands.
    pub bands: Option<&'a BandStructure>,
    /// The densities of states.
    pub dos: Option<&'a Dos>,
}

impl Page<'_> {
    /// The HTML file. Energies are rounded to 10⁻⁵ eV, weights to 0.1 %: about 9 bytes per state, and 4 per weight.
    ///
    /// # Errors
    /// `Inconsistent` where there is nothing to show, or where groups of bands and densities are not the same.
    pub fn html(&self) -> Result<String, Error> {
        let data = serde_json::to_string(&Data::new(self)?).map_err(std::io::Error::from)?;
        let parts = [
            ("title", escaped(self.title)),
            ("style", STYLE.to_owned()),
            ("script", SCRIPT.concat()),
            ("data", inside_script(&data)),
        ];
        Ok(filled(TEMPLATE, &parts))
    }
}

/// The template with `{{name}}` replaced; what is put in is not searched again.
fn filled(template: &str, parts: &[(&str, String)]) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        page.extend(parts.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str()));
        page.push_str(rest);
    }
    page
}

/// Text inside HTML.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// JSON inside a `script` element, which only `</script` and `<!--` could leave: in JSON, `<` stands in strings alone.
fn inside_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_searched_again() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "2".to_owned())];
        assert_eq!(filled("<{{a}}|{{b}}|{{a}}>", &parts), "<{{b}}|2|{{b}}>");
    }

    #[test]
    fn every_place_of_the_template_is_known() {
        let names: Vec<&str> = TEMPLATE.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0)).collect();
        assert_eq!(names, ["title", "style", "title", "data", "script"]);
    }
}
