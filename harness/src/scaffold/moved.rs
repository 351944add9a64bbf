//! Parts of a tape that stand in another tape: their holes name other steps and other objects there.

use crate::tape::model::TapeModel;

/// The holes that name a step.
const NUMBERED: [&str; 3] = ["${key:", "${reference:", "${digest:reference:"];
const MINTED: &str = "${gen:";

/// What the numbers of steps in holes become, in step `number` of the new tape.
pub(super) struct Holes<F: Fn(u32) -> u32> {
    pub(super) number: u32,
    pub(super) to: F,
}

impl<F: Fn(u32) -> u32> Holes<F> {
    /// The text with the steps of its holes moved.
    pub(super) fn moved(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        let next = |rest: &str| NUMBERED.iter().filter_map(|start| rest.find(start).map(|at| at + start.len())).min();
        while let Some((before, after)) = next(rest).and_then(|at| rest.split_at_checked(at)) {
            out.push_str(before);
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = after.split_at_checked(digits).unwrap_or((after, ""));
            match number.parse::<u32>() {
                Ok(step) => out.push_str(&(self.to)(step).to_string()),
                Err(_) => out.push_str(number),
            }
            rest = after;
        }
        out.push_str(rest);
        // A step says its own without a number.
        ["key", "reference"]
            .iter()
            .fold(out, |text, name| text.replace(&format!("${{{name}:{}}}", self.number), &format!("${{{name}}}")))
    }
}

/// The names that the answers and deliveries of a step mint: those that its requests do not repeat.
pub(super) fn minted(model: &TapeModel, step: u32) -> Vec<String> {
    let exchanges = || model.exchange.iter().filter(move |exchange| exchange.step == step);
    let text = |part: Result<String, toml::ser::Error>| part.unwrap_or_default();
    let asked: String = exchanges().map(|exchange| text(toml::to_string(&exchange.request))).collect();
    let told: String = exchanges().map(|exchange| text(toml::to_string(&exchange.response))).collect();
    let mut names: Vec<String> = Vec::new();
    for part in told.split(MINTED).skip(1) {
        let name = part.split([':', '}', '#']).next().unwrap_or_default();
        let is_new = !asked.contains(&format!("{MINTED}{name}}}")) && !asked.contains(&format!("{MINTED}{name}:"));
        if is_new && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The text with these objects under names of their own.
pub(super) fn renamed(text: &str, names: &[String], number: u32) -> String {
    names.iter().fold(text.to_owned(), |text, name| {
        [":", "}", "#"].iter().fold(text, |text, end| {
            text.replace(&format!("{MINTED}{name}{end}"), &format!("{MINTED}{name}{number}{end}"))
        })
    })
}

/// The text with another amount, in minor units and as decimals.
pub(super) fn with_amount(text: &str, from: i64, to: i64) -> String {
    if from == to || from < 100 || to < 0 {
        return text.to_owned();
    }
    let decimal = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    let text = with_number(text, &decimal(from), &decimal(to));
    with_number(&text, &from.to_string(), &to.to_string())
}

/// The text with another number wherever this one stands alone.
fn with_number(text: &str, from: &str, to: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) =
        rest.find(from).and_then(|at| Some((rest.get(..at)?, rest.get(at + from.len()..)?)))
    {
        out.push_str(before);
        let touches =
            |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '.');
        let alone = !touches(out.chars().last()) && !touches(after.chars().next());
        out.push_str(if alone { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_move_with_their_steps() {
        let holes = Holes { number: 3, to: |step| step + 1 };
        let text = "${key} ${key:1} ${reference:2} ${digest:reference:1:upper8} ${gen:key:4}";
        assert_eq!(holes.moved(text), "${key} ${key:2} ${reference} ${digest:reference:2:upper8} ${gen:key:4}");
    }

    #[test]
    fn amounts_change_where_they_stand_alone() {
        assert_eq!(
            with_amount("6000 \"60.00\" 16000 60001 160.00 6000.5 x6000", 6000, 2505),
            "2505 \"25.05\" 16000 60001 160.00 6000.5 x6000"
        );
        assert_eq!(with_amount("6000", 6000, 6000), "6000");
    }

    #[test]
    fn objects_of_a_step_get_names_of_their_own() {
        let text = "[provenance]\nkind = \"synthesised\"\n[[exchange]]\nstep = 1\n[exchange.request]\nmethod = \"POST\"\n\
                    url = \"https://a.example/${gen:payment}\"\n[exchange.response]\nstatus = 200\nbody = '${gen:payment} ${gen:refund:digits8} ${gen:refund}'\n";
        let names = minted(&toml::from_str(text).unwrap(), 1);
        assert_eq!(names, ["refund"]);
        assert_eq!(
            renamed("${gen:payment} ${gen:refund:digits8} ${gen:refund}", &names, 4),
            "${gen:payment} ${gen:refund4:digits8} ${gen:refund4}"
        );
    }
}
