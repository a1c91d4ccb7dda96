//! The two kinds of tables that Consul's commands print.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Spaces between columns in [`columnize`].
const GLUE: &str = "  ";

/// Least number of spaces after a cell in [`tabulate`].
const TAB_PADDING: usize = 6;

/// Left-aligned columns with two spaces between them and nothing after the last cell of a row: the
/// shape of `members`, `catalog nodes` and `operator raft list-peers`. Cells are trimmed.
/// No newline at the end.
pub fn columnize<R, C>(rows: &[R]) -> String
where
    R: AsRef<[C]>,
    C: AsRef<str>,
{
    column_lines(rows).join("\n")
}

/// The same, a line for each row: one whose cells are empty is an empty line.
pub(super) fn column_lines<R, C>(rows: &[R]) -> Vec<String>
where
    R: AsRef<[C]>,
    C: AsRef<str>,
{
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.as_ref().iter().enumerate() {
            let width = cell.as_ref().trim().width();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    rows.iter()
        .map(|row| aligned(row.as_ref(), &widths))
        .collect()
}

fn aligned<C: AsRef<str>>(cells: &[C], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, cell) in cells.iter().enumerate() {
        let cell = cell.as_ref().trim();
        line.push_str(cell);
        if column + 1 < cells.len() {
            let fill = widths[column].saturating_sub(cell.width());
            line.extend(std::iter::repeat_n(' ', fill));
            line.push_str(GLUE);
        }
    }
    line
}

/// A line in so many columns of a terminal; one that is longer ends in `…`. Colours take no room, and end with the line.
pub fn cut(line: &str, columns: usize) -> String {
    let line = line.trim_end();
    let (mut used, mut is_colour, mut has_colour) = (0, false, false);
    // Where the line ends if it is cut.
    let mut end = 0;
    for (place, letter) in line.char_indices() {
        if is_colour || letter == '\u{1b}' {
            is_colour = letter != 'm';
            has_colour = true;
            continue;
        }
        used += letter.width().unwrap_or_default();
        if used < columns {
            end = place + letter.len_utf8();
        }
    }
    if used <= columns {
        return line.to_owned();
    }
    let reset = if has_colour { "\u{1b}[0m" } else { "" };
    format!("{}…{reset}", line[..end].trim_end())
}

/// Name and value rows as Go's `tabwriter` lays them out with a padding of six: the shape of
/// `kv get -detailed` and `catalog services -tags`. The first cell is padded
/// even where the second is empty. A newline ends every row.
pub fn tabulate<A: AsRef<str>, B: AsRef<str>>(rows: &[(A, B)]) -> String {
    let rows: Vec<[&str; 2]> = rows
        .iter()
        .map(|(name, value)| [name.as_ref(), value.as_ref()])
        .collect();
    tabulate_columns(&rows)
}

/// The same with any number of columns.
pub fn tabulate_columns<C: AsRef<str>, const N: usize>(rows: &[[C; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.as_ref().width().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = cell.as_ref();
            text.push_str(cell);
            if column + 1 < N {
                let fill = (width + TAB_PADDING).saturating_sub(cell.width());
                text.extend(std::iter::repeat_n(' ', fill));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["Node", "Address", "DC"], ["a-long-name", "1.2.3.4", "dc1"]];
        let expected = "Node         Address  DC\na-long-name  1.2.3.4  dc1";
        assert_eq!(columnize(&rows), expected);
    }

    #[test]
    fn width_counts_cells_of_the_terminal_not_bytes() {
        let rows = [["節点", "x"], ["n", "y"]];
        assert_eq!(columnize(&rows), "節点  x\nn     y");
    }

    #[test]
    fn long_lines_are_cut_to_the_terminal() {
        assert_eq!(cut("a  bc", 5), "a  bc");
        assert_eq!(cut("a  bc", 4), "a…");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("節点節", 5), "節点…");
        assert_eq!(cut("節点節", 4), "節…");
        assert_eq!(cut("abc    ", 4), "abc");
        let painted = "a \u{1b}[32mbcd\u{1b}[0m e";
        assert_eq!(cut(painted, 7), painted);
        assert_eq!(cut(painted, 4), "a \u{1b}[32mb…\u{1b}[0m");
    }

    #[test]
    fn rows_may_be_ragged_and_empty() {
        let rows: [&[&str]; 3] = [&["a", "b"], &["c"], &["", "d"]];
        assert_eq!(columnize(&rows), "a  b\nc\n   d");
        assert_eq!(columnize::<&[&str], &str>(&[]), "");
    }

    #[test]
    fn tab_rows_keep_six_spaces() {
        let rows = [("consul", ""), ("web", "a,b")];
        assert_eq!(tabulate(&rows), "consul      \nweb         a,b\n");
        let rows = [["Type", "Count", "Size"], ["Total", "", "12B"]];
        let expected = "Type       Count      Size\nTotal                 12B\n";
        assert_eq!(tabulate_columns(&rows), expected);
    }
}
