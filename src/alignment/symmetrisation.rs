//! Two directions' links joined to one alignment (Och and Ney 2003; Koehn, Och and Marcu 2003, section 4.5).

use std::str::FromStr;

use anyhow::{Context, Error};

use super::links::Links;

/// How the links of two directions become one set. Every heuristic lies between intersection and union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symmetrisation {
    /// Links both directions have: few and safe.
    Intersection,
    /// Links either direction has.
    Union,
    /// The intersection, grown by neighbouring links of the union (diagonals too) that cover a word without link.
    GrowDiag,
    /// Then the remaining links of each direction that cover a word without link on **either** side.
    GrowDiagFinal,
    /// Then the remaining links of each direction whose words are without link on **both** sides.
    GrowDiagFinalAnd,
}

impl Symmetrisation {
    /// Every heuristic, for lists of choices.
    pub const ALL: [Self; 5] = [Self::Intersection, Self::Union, Self::GrowDiag, Self::GrowDiagFinal, Self::GrowDiagFinalAnd];

    /// Its usual name, such as `grow-diag-final-and`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intersection => "intersection",
            Self::Union => "union",
            Self::GrowDiag => "grow-diag",
            Self::GrowDiagFinal => "grow-diag-final",
            Self::GrowDiagFinalAnd => "grow-diag-final-and",
        }
    }

    /// Joins the links of two directions, **both written `(source, target)`**: transpose what the reverse model says first
    /// ([`Links::transposed`]).
    ///
    /// Growing depends on the order of visits; as in the paper's pseudocode points are visited by target, then by source, until
    /// a round adds nothing. The final step takes `forward` before `backward`.
    pub fn join(self, forward: &Links, backward: &Links) -> Links {
        let both: Links = forward.iter().filter(|&(source, target)| backward.contains(source, target)).collect();
        let candidates: Vec<_> = forward.iter().chain(backward.iter()).collect();
        let grown = || Grid::new(&both, &candidates).grow();
        match self {
            Self::Intersection => both,
            Self::Union => candidates.into(),
            Self::GrowDiag => grown().links(),
            Self::GrowDiagFinal => grown().add(&candidates, |source, target| !source || !target).links(),
            Self::GrowDiagFinalAnd => grown().add(&candidates, |source, target| !source && !target).links(),
        }
    }
}

impl FromStr for Symmetrisation {
    type Err = Error;

    /// By [`Symmetrisation::name`].
    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|how| how.name() == name);
        found.with_context(|| format!("{name:?} is no symmetrisation; expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Point {
    Empty,
    Candidate,
    Link,
}

/// The alignment under construction: `points` row-major by target, and which words have a link already.
struct Grid {
    sources: usize,
    points: Vec<Point>,
    source_linked: Vec<bool>,
    target_linked: Vec<bool>,
}

impl Grid {
    fn new(links: &Links, candidates: &[(usize, usize)]) -> Self {
        let sources = candidates.iter().map(|(source, _)| source + 1).max().unwrap_or(0);
        let targets = candidates.iter().map(|(_, target)| target + 1).max().unwrap_or(0);
        let mut grid = Self {
            sources,
            points: vec![Point::Empty; sources * targets],
            source_linked: vec![false; sources],
            target_linked: vec![false; targets],
        };
        for &(source, target) in candidates {
            grid.points[target * sources + source] = Point::Candidate;
        }
        links.iter().for_each(|(source, target)| grid.link(source, target));
        grid
    }

    fn link(&mut self, source: usize, target: usize) {
        self.points[target * self.sources + source] = Point::Link;
        self.source_linked[source] = true;
        self.target_linked[target] = true;
    }

    fn grow(mut self) -> Self {
        // Sides before corners, as the paper lists them.
        const NEIGHBOURS: [(isize, isize); 8] = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)];
        let mut grown = true;
        while grown {
            grown = false;
            for at in 0..self.points.len() {
                if self.points[at] != Point::Link {
                    continue;
                }
                let (target, source) = (at / self.sources, at % self.sources);
                for (down, right) in NEIGHBOURS {
                    let (Some(target), Some(source)) = (target.checked_add_signed(down), source.checked_add_signed(right)) else {
                        continue;
                    };
                    let inside = source < self.sources && target < self.target_linked.len();
                    if inside
                        && self.points[target * self.sources + source] == Point::Candidate
                        && (!self.source_linked[source] || !self.target_linked[target])
                    {
                        self.link(source, target);
                        grown = true;
                    }
                }
            }
        }
        self
    }

    /// Adds each candidate for which `wanted(source is linked, target is linked)` holds at its turn.
    fn add(mut self, candidates: &[(usize, usize)], wanted: fn(bool, bool) -> bool) -> Self {
        for &(source, target) in candidates {
            if wanted(self.source_linked[source], self.target_linked[target]) {
                self.link(source, target);
            }
        }
        self
    }

    fn links(&self) -> Links {
        let linked = self.points.iter().enumerate().filter(|(_, point)| **point == Point::Link);
        linked.map(|(at, _)| (at % self.sources, at / self.sources)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(how: Symmetrisation, forward: &str, backward: &str) -> String {
        how.join(&forward.parse().unwrap(), &backward.parse().unwrap()).to_string()
    }

    #[test]
    fn names_are_read_back() {
        for how in Symmetrisation::ALL {
            assert_eq!(how.name().parse::<Symmetrisation>().unwrap(), how);
        }
        let error = "grow".parse::<Symmetrisation>().unwrap_err().to_string();
        assert!(error.starts_with("\"grow\" is no symmetrisation; expected one of intersection, union, grow-diag,"), "{error}");
    }

    #[test]
    fn worked_by_hand() {
        use Symmetrisation::*;
        // Both have 0-0 and 1-1. Next to 1-1 stands 2-2 (forward), next to that 2-3 (backward): both grow. 5-5 (forward) and
        // 5-6 (backward) touch nothing; 0-6 (forward) has its source linked.
        let (forward, backward) = ("0-0 1-1 2-2 5-5 0-6", "0-0 1-1 2-3 5-6");
        assert_eq!(joined(Intersection, forward, backward), "0-0 1-1");
        assert_eq!(joined(Union, forward, backward), "0-0 0-6 1-1 2-2 2-3 5-5 5-6");
        assert_eq!(joined(GrowDiag, forward, backward), "0-0 1-1 2-2 2-3");
        // 0-6 covers target 6, 5-5 covers both its words, 5-6 then covers nothing new.
        assert_eq!(joined(GrowDiagFinal, forward, backward), "0-0 0-6 1-1 2-2 2-3 5-5");
        // 0-6 is refused (source 0 is linked), so after 5-5 nothing of 5-6 is free on both sides.
        assert_eq!(joined(GrowDiagFinalAnd, forward, backward), "0-0 1-1 2-2 2-3 5-5");
    }

    #[test]
    fn growing_refuses_links_between_covered_words() {
        // 0-1 neighbours both links of the intersection, but source 0 and target 1 are covered.
        assert_eq!(joined(Symmetrisation::GrowDiag, "0-0 1-1 0-1", "0-0 1-1"), "0-0 1-1");
        assert_eq!(joined(Symmetrisation::GrowDiagFinalAnd, "0-0 1-1 0-1", "0-0 1-1"), "0-0 1-1");
    }

    #[test]
    fn nothing_in_common_grows_nothing() {
        assert_eq!(joined(Symmetrisation::GrowDiag, "0-1", "1-0"), "");
        assert_eq!(joined(Symmetrisation::GrowDiagFinalAnd, "0-1", "1-0"), "0-1 1-0");
        assert_eq!(joined(Symmetrisation::GrowDiagFinal, "", ""), "");
    }

    fn links() -> impl Strategy<Value = Links> {
        prop::collection::vec((0_usize..8, 0_usize..8), 0..20).prop_map(Links::from)
    }

    proptest! {
        #[test]
        fn heuristics_lie_between_intersection_and_union(forward in links(), backward in links()) {
            let join = |how: Symmetrisation| how.join(&forward, &backward);
            let within = |small: &Links, large: &Links| small.iter().all(|(source, target)| large.contains(source, target));
            let [intersection, union, grown, last, last_and] = Symmetrisation::ALL.map(join);
            prop_assert!(within(&intersection, &grown));
            for grown_further in [&last, &last_and] {
                prop_assert!(within(&grown, grown_further));
                prop_assert!(within(grown_further, &union));
            }
            // After "final" no link of either direction has an uncovered word left.
            for (source, target) in union.iter() {
                prop_assert!(last.iter().any(|link| link.0 == source));
                prop_assert!(last.iter().any(|link| link.1 == target));
            }
        }

        #[test]
        fn agreeing_directions_stay_as_they_are(links in links()) {
            for how in Symmetrisation::ALL {
                prop_assert_eq!(how.join(&links, &links), links.clone());
            }
        }

        #[test]
        fn transposing_both_directions_transposes_set_operations(forward in links(), backward in links()) {
            for how in [Symmetrisation::Intersection, Symmetrisation::Union] {
                let transposed = how.join(&forward.transposed(), &backward.transposed());
                prop_assert_eq!(transposed, how.join(&forward, &backward).transposed());
            }
        }
    }
}
