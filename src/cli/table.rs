//! Tables for people.

/// Columns under each other: the first flush left, the others flush right. Every row has as many cells.
pub fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let pad = |(column, cell): (usize, &String)| match column {
            0 => format!("{cell:<0$}", widths[0]),
            _ => format!("  {cell:>0$}", widths[column]),
        };
        row.iter().enumerate().map(pad).collect::<String>() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A number with four digits behind the point, or with a power of ten where that would hide it.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-4..1e6).contains(&size) { format!("{value:.3e}") } else { format!("{value:.4}") }
}
