//! Ten letters drawn as bitmaps of 12 by 12 dots.

use anyhow::Result;
use tch::Tensor;

use crate::memory::hopfield::Patterns;

/// Dots of a line, and lines of a letter.
pub const SIDE: usize = 12;

/// The letters' names, in the order of [`letters`].
pub const NAMES: [char; 10] = ['A', 'C', 'E', 'H', 'K', 'M', 'O', 'S', 'T', 'X'];

const DRAWN: [&str; 10] = [
    "
    .....##.....
    ....####....
    ....####....
    ...##..##...
    ...##..##...
    ..##....##..
    ..##....##..
    .##########.
    .##########.
    .##......##.
    ##........##
    ##........##
    ",
    "
    ...#######..
    ..#########.
    .###.....##.
    .##.........
    ##..........
    ##..........
    ##..........
    ##..........
    .##.........
    .###.....##.
    ..#########.
    ...#######..
    ",
    "
    ###########.
    ###########.
    ##..........
    ##..........
    ##..........
    ########....
    ########....
    ##..........
    ##..........
    ##..........
    ###########.
    ###########.
    ",
    "
    .##......##.
    .##......##.
    .##......##.
    .##......##.
    .##......##.
    .##########.
    .##########.
    .##......##.
    .##......##.
    .##......##.
    .##......##.
    .##......##.
    ",
    "
    ##.......##.
    ##......##..
    ##.....##...
    ##....##....
    ##...##.....
    ##.###......
    #######.....
    ###..###....
    ##.....##...
    ##......##..
    ##.......##.
    ##........##
    ",
    "
    ##........##
    ###......###
    ####....####
    ####....####
    ##.##..##.##
    ##.##..##.##
    ##..####..##
    ##..####..##
    ##...##...##
    ##...##...##
    ##........##
    ##........##
    ",
    "
    ....####....
    ..########..
    .###....###.
    .##......##.
    ##........##
    ##........##
    ##........##
    ##........##
    .##......##.
    .###....###.
    ..########..
    ....####....
    ",
    "
    ..########..
    .##########.
    ##.......##.
    ##..........
    ##..........
    .########...
    ...########.
    ..........##
    ..........##
    .##.......##
    .##########.
    ..########..
    ",
    "
    ############
    ############
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    .....##.....
    ",
    "
    ##........##
    .##......##.
    ..##....##..
    ...##..##...
    ....####....
    .....##.....
    .....##.....
    ....####....
    ...##..##...
    ..##....##..
    .##......##.
    ##........##
    ",
];

/// The letters as patterns [10, 144] in double precision: +1 where a dot is drawn, -1 where none is, line by line.
pub fn letters() -> Result<Patterns> {
    let dot = |character: char| match character {
        '#' => Some(1f64),
        '.' => Some(-1.0),
        _ => None,
    };
    let dots: Vec<f64> = DRAWN.iter().flat_map(|letter| letter.chars().filter_map(dot)).collect();
    Patterns::new(&Tensor::from_slice(&dots).reshape([NAMES.len() as i64, -1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_whole_and_unlike_each_other() {
        for letter in DRAWN {
            let lines: Vec<&str> = letter.split_whitespace().collect();
            assert!(lines.len() == SIDE && lines.iter().all(|line| line.len() == SIDE), "{letter}");
        }
        let letters = letters().unwrap();
        assert_eq!(letters.tensor().size(), [10, 144]);
        for one in 0..10 {
            for other in 0..one {
                let [one, other] = [one, other].map(|place| letters.select([place]).unwrap());
                assert!(one.overlap(&other).unwrap().double_value(&[0]) < 0.75);
            }
        }
    }
}
