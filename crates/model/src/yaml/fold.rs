/// The column behind which a text goes on in the next line, as the Go programs choose it.
const WIDTH: usize = 80;

/// Writes a text, its quotes included if it has any, over as many lines as it needs. A line ends only at a single blank
/// (YAML 1.1, 9.1: a reader puts the blank back).
pub(super) fn fold(text: &str, is_double: bool, indentation: usize, out: &mut String) {
    let line = out.rfind('\n').map_or(0, |position| position + 1);
    let mut column = out[line..].chars().count();
    let mut characters = text.chars().peekable();
    let (mut before, mut position) = ('\0', 0);
    // A blank next to a quote would be taken for indentation.
    let is_quote = |character: Option<char>| character.is_none_or(|character| matches!(character, '\'' | '"'));
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let inside = before != ' ' && position > 0 && !(position == 1 && is_quote(Some(before)));
        let ends = next.is_none() || (characters.clone().nth(1).is_none() && is_quote(next));
        if character == ' ' && column > WIDTH && inside && !ends && (is_double || next != Some(' ')) {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indentation));
            column = indentation;
            if next == Some(' ') {
                out.push('\\');
                column += 1;
            }
        } else {
            out.push(character);
            column += 1;
        }
        before = character;
        position += 1;
    }
}
