//! Four faces of 12 by 12 dots, whose names a bidirectional memory recalls.

use anyhow::Result;

use super::bitmap::Bitmap;

/// A name, and what is drawn.
const DRAWN: [(&str, &str); 4] = [
    (
        "Ada",
        "
    ############
    ############
    ##........##
    #..##..##..#
    #..##..##..#
    #..........#
    #....##....#
    #..........#
    #.#......#.#
    #..######..#
    ##........##
    .##########.
    ",
    ),
    (
        "Ben",
        "
    ............
    ...######...
    ..#......#..
    .#..#..#..#.
    .#........#.
    .#...##...#.
    .#...##...#.
    .#........#.
    .##########.
    .##########.
    ..########..
    ....####....
    ",
    ),
    (
        "Cem",
        "
    ....####....
    ..########..
    .##########.
    .##..##..##.
    ############
    ##..####..##
    ####....####
    ############
    .####..####.
    .###....###.
    ..########..
    ....####....
    ",
    ),
    (
        "Eva",
        "
    ##........##
    #..........#
    #.##....##.#
    ..#.#..#.#..
    ..##....##..
    ............
    .....##.....
    .....##.....
    ...#....#...
    ....####....
    #..........#
    ##........##
    ",
    ),
];

/// The faces, +1 where a dot is drawn and -1 where none is.
pub fn faces() -> Result<Vec<Bitmap>> {
    let rows = |drawn: &str| drawn.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    DRAWN.iter().map(|(name, drawn)| Bitmap::of_rows(name, &rows(drawn))).collect()
}
