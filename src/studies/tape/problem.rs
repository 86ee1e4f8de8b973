//! The sequences, generated: a pure function of problem, sizes and seed.

use crate::recipe::TapeProblem;
use crate::studies::random::RandomGenerator;

/// Bits of a vector that is copied or sorted.
pub const BITS: usize = 8;
/// Bits of a vector of an item, and vectors of an item.
pub const ITEM_BITS: usize = 6;
pub const ITEM_VECTORS: usize = 3;
/// Bits that the chance of the next one depends on.
pub const CONTEXT: usize = 5;

/// How large the sequences of a batch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Vectors, items or bits.
    pub length: usize,
    /// How often they are repeated; 1 where nothing is.
    pub repeats: usize,
}

/// One sequence: the inputs of every step, and the bits that are to be answered at the last ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// [T, inputs]
    pub inputs: Vec<Vec<f32>>,
    /// [scored steps, outputs], the answers of the last steps.
    pub targets: Vec<Vec<f32>>,
}

impl TapeProblem {
    /// Numbers of an input and of an answer.
    pub fn widths(&self) -> (i64, i64) {
        let (input, output) = match self {
            Self::Copy { .. } | Self::Reverse { .. } => (BITS + 1, BITS),
            Self::RepeatCopy { .. } => (BITS + 2, BITS + 1),
            Self::AssociativeRecall { .. } => (ITEM_BITS + 2, ITEM_BITS),
            Self::DynamicNgrams { .. } => (1, 1),
            Self::PrioritySort { .. } => (BITS + 2, BITS),
            Self::TreeNavigation { .. } => (2 * BITS + 2, BITS),
        };
        (input as i64, output as i64)
    }

    /// A size to train on.
    pub fn draw_size(&self, random: &mut RandomGenerator) -> Size {
        let (length, repeats) = match *self {
            Self::Copy { length } | Self::Reverse { length } | Self::TreeNavigation { depth: length } => {
                (random.between(1, length as usize), 1)
            }
            Self::RepeatCopy { length, repeats } => (random.between(1, length as usize), random.between(1, repeats as usize)),
            Self::AssociativeRecall { items } => (random.between(2, items as usize), 1),
            Self::DynamicNgrams { length } | Self::PrioritySort { length, .. } => (length as usize, 1),
        };
        Size { length, repeats }
    }

    /// Whether a validation may be of sequences several times as long. Tables of n-grams and numbers of what is sorted belong to a length, and
    /// trees of several times the depth have no end.
    pub fn stretches(&self) -> bool {
        !matches!(self, Self::DynamicNgrams { .. } | Self::PrioritySort { .. } | Self::TreeNavigation { .. })
    }

    /// The largest size that is trained on.
    pub fn largest(&self) -> Size {
        let (length, repeats) = match *self {
            Self::Copy { length }
            | Self::Reverse { length }
            | Self::DynamicNgrams { length }
            | Self::PrioritySort { length, .. }
            | Self::TreeNavigation { depth: length } => (length, 1),
            Self::RepeatCopy { length, repeats } => (length, repeats),
            Self::AssociativeRecall { items } => (items, 1),
        };
        Size { length: length as usize, repeats: repeats as usize }
    }

    /// A size beyond all that are trained on: twice the largest, and of trees one level more, which is twice as many nodes.
    pub fn beyond(&self) -> Size {
        let Size { length, repeats } = self.largest();
        let length = if matches!(self, Self::TreeNavigation { .. }) { length + 1 } else { 2 * length };
        Size { length, repeats }
    }

    /// The size that pictures show: the largest, but of no more steps than fit beside each other.
    pub fn shown(&self) -> Size {
        let Size { length, repeats } = self.largest();
        match self {
            Self::RepeatCopy { .. } => Size { length, repeats: repeats.min(4) },
            Self::DynamicNgrams { .. } => Size { length: length.min(80), repeats },
            _ => Size { length, repeats },
        }
    }

    /// A sequence of this size.
    pub fn draw(&self, size: Size, random: &mut RandomGenerator) -> Sequence {
        match *self {
            Self::Copy { .. } => copy(random_vectors(size.length, BITS, random)),
            Self::Reverse { .. } => reverse(random_vectors(size.length, BITS, random)),
            Self::RepeatCopy { repeats, .. } => {
                repeat_copy(&random_vectors(size.length, BITS, random), size.repeats, repeats as usize)
            }
            Self::AssociativeRecall { .. } => {
                let items: Vec<_> = (0..size.length).map(|_| random_vectors(ITEM_VECTORS, ITEM_BITS, random)).collect();
                recall(&items, random.between(0, size.length - 2))
            }
            Self::DynamicNgrams { .. } => ngrams(size.length, random),
            Self::PrioritySort { sorted, .. } => {
                let vectors = (0..size.length).map(|_| (2.0 * random.share() - 1.0, random.bits(BITS))).collect();
                sort(vectors, sorted as usize)
            }
            Self::TreeNavigation { .. } => tree(size.length, random),
        }
    }
}

/// Vectors, a delimiter on a channel of its own, and silence while they are given back.
pub fn copy(vectors: Vec<Vec<f32>>) -> Sequence {
    let mut inputs: Vec<Vec<f32>> = vectors.iter().map(|vector| with(vector, &[0.0])).collect();
    inputs.push(alone(BITS, &[1.0]));
    inputs.extend(std::iter::repeat_n(vec![0.0; BITS + 1], vectors.len()));
    Sequence { inputs, targets: vectors }
}

/// The same, given back from the last to the first.
pub fn reverse(vectors: Vec<Vec<f32>>) -> Sequence {
    let Sequence { inputs, mut targets } = copy(vectors);
    targets.reverse();
    Sequence { inputs, targets }
}

/// Vectors, and then how often they are wanted, on a channel of its own: scaled to mean 0 and variance 1 over what is trained on. The answer
/// ends with a marker.
pub fn repeat_copy(vectors: &[Vec<f32>], repeats: usize, most: usize) -> Sequence {
    let mut inputs: Vec<Vec<f32>> = vectors.iter().map(|vector| with(vector, &[0.0, 0.0])).collect();
    let (mean, variance) = ((most as f32 + 1.0) / 2.0, ((most * most) as f32 - 1.0) / 12.0);
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    let scaled = (repeats as f32 - mean) / deviation;
    inputs.push(alone(BITS, &[1.0, scaled]));
    let mut targets: Vec<Vec<f32>> = (0..repeats).flat_map(|_| vectors.iter().map(|vector| with(vector, &[0.0]))).collect();
    targets.push(alone(BITS, &[1.0]));
    inputs.extend(std::iter::repeat_n(vec![0.0; BITS + 2], targets.len()));
    Sequence { inputs, targets }
}

/// Items, each after a delimiter; one of them again between two delimiters of another kind; and the item that came after it is the answer.
pub fn recall(items: &[Vec<Vec<f32>>], asked: usize) -> Sequence {
    let mut inputs = Vec::new();
    for item in items {
        inputs.push(alone(ITEM_BITS, &[1.0, 0.0]));
        inputs.extend(item.iter().map(|vector| with(vector, &[0.0, 0.0])));
    }
    inputs.push(alone(ITEM_BITS, &[0.0, 1.0]));
    inputs.extend(items[asked].iter().map(|vector| with(vector, &[0.0, 0.0])));
    inputs.push(alone(ITEM_BITS, &[0.0, 1.0]));
    inputs.extend(std::iter::repeat_n(vec![0.0; ITEM_BITS + 2], ITEM_VECTORS));
    Sequence { inputs, targets: items[asked + 1].clone() }
}

/// Bits by a table of chances drawn from Beta(½, ½); the input of each step is the bit before the one that is to be predicted. The first five
/// depend on nothing and are not scored.
fn ngrams(length: usize, random: &mut RandomGenerator) -> Sequence {
    let table: Vec<f64> = (0..1 << CONTEXT).map(|_| random.arcsine()).collect();
    ngrams_of(&table, length, random)
}

/// The same by a given table, the chance of a one after each context.
fn ngrams_of(table: &[f64], length: usize, random: &mut RandomGenerator) -> Sequence {
    let mut bits: Vec<f32> = (0..CONTEXT.min(length)).map(|_| random.bit()).collect();
    while bits.len() < length {
        let context = context_of(&bits);
        bits.push(if random.share() < table[context] { 1.0 } else { 0.0 });
    }
    ngrams_of_bits(&bits)
}

/// The sequence of these bits, whatever they come from.
pub fn ngrams_of_bits(bits: &[f32]) -> Sequence {
    let before = std::iter::once(0.0).chain(bits.iter().copied()).take(bits.len());
    Sequence {
        inputs: before.map(|bit| vec![bit]).collect(),
        targets: bits[CONTEXT.min(bits.len())..].iter().map(|&bit| vec![bit]).collect(),
    }
}

/// The number that the last bits make.
fn context_of(bits: &[f32]) -> usize {
    bits[bits.len() - CONTEXT..].iter().fold(0, |number, &bit| 2 * number + bit as usize)
}

/// What the best estimator pays for the scored bits of an n-gram sequence, in bits: p(1) = (N1 + ½) / (N1 + N0 + 1), by what the context
/// was followed by so far (Graves et al. 2014, equation 10).
pub fn optimal_bits(sequence: &Sequence) -> f64 {
    let mut bits: Vec<f32> = sequence.inputs.iter().skip(1).map(|input| input[0]).take(CONTEXT).collect();
    let mut counts = vec![[0.5f64; 2]; 1 << CONTEXT];
    let mut cost = 0.0;
    for target in &sequence.targets {
        let (context, bit) = (context_of(&bits), target[0] as usize);
        let [zeros, ones] = counts[context];
        cost -= (counts[context][bit] / (zeros + ones)).log2();
        counts[context][bit] += 1.0;
        bits.push(target[0]);
    }
    cost
}

/// Vectors with priorities from -1 to 1 on a channel of their own, a delimiter, and those of highest priority in its order.
pub fn sort(mut vectors: Vec<(f64, Vec<f32>)>, sorted: usize) -> Sequence {
    let sorted = sorted.min(vectors.len());
    let mut inputs: Vec<Vec<f32>> = vectors.iter().map(|(priority, vector)| with(vector, &[0.0, *priority as f32])).collect();
    inputs.push(alone(BITS, &[1.0, 0.0]));
    inputs.extend(std::iter::repeat_n(vec![0.0; BITS + 2], sorted));
    vectors.sort_by(|one, other| other.0.total_cmp(&one.0));
    Sequence { inputs, targets: vectors.into_iter().take(sorted).map(|(_, vector)| vector).collect() }
}

/// Whether an edge, or a step of a way, leads to the right child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// An edge of a tree: a node, which of its children, and the child.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    pub parent: Vec<f32>,
    pub side: Side,
    pub child: Vec<f32>,
}

/// Edges, each a step; then a way from the root down, a side a step, the root being named at the first. Each of its steps is answered by the
/// child that it leads to, at once. None where the way leaves the tree. Inputs: node, child, -1 for left and 1 for right, and whether the way goes on.
pub fn navigation(edges: &[Edge], root: &[f32], way: &[Side]) -> Option<Sequence> {
    let side = |side: Side| if side == Side::Left { -1.0 } else { 1.0 };
    let mut inputs: Vec<Vec<f32>> =
        edges.iter().map(|edge| [&edge.parent[..], &edge.child, &[side(edge.side), 0.0]].concat()).collect();
    let (nothing, mut at, mut targets) = (vec![0.0; BITS], root, Vec::new());
    for (number, &turn) in way.iter().enumerate() {
        let named = if number == 0 { root } else { &nothing };
        inputs.push([named, &nothing, &[side(turn), 1.0]].concat());
        at = &edges.iter().find(|edge| edge.parent == at && edge.side == turn)?.child;
        targets.push(at.to_vec());
    }
    Some(Sequence { inputs, targets })
}

/// A way through a full tree whose nodes all have names of their own.
fn tree(depth: usize, random: &mut RandomGenerator) -> Sequence {
    let mut names: Vec<usize> = (0..1 << BITS).collect();
    random.shuffle(&mut names);
    let bits = |name: usize| -> Vec<f32> { (0..BITS).rev().map(|bit| (name >> bit & 1) as f32).collect() };
    let name = |node: usize| bits(names[node]);
    let inner = (1 << depth) - 1;
    let children = |node: usize| [(Side::Left, 2 * node + 1), (Side::Right, 2 * node + 2)];
    let mut edges: Vec<Edge> = (0..inner)
        .flat_map(|node| children(node).map(|(side, child)| Edge { parent: name(node), side, child: name(child) }))
        .collect();
    random.shuffle(&mut edges);
    let way: Vec<Side> = (0..depth).map(|_| *random.pick(&[Side::Left, Side::Right])).collect();
    navigation(&edges, &name(0), &way).expect("a full tree has a child at either side down to its depth")
}

fn random_vectors(count: usize, width: usize, random: &mut RandomGenerator) -> Vec<Vec<f32>> {
    (0..count).map(|_| random.bits(width)).collect()
}

/// A vector with channels behind it.
fn with(vector: &[f32], channels: &[f32]) -> Vec<f32> {
    [vector, channels].concat()
}

/// Channels behind a vector of zeros.
fn alone(width: usize, channels: &[f32]) -> Vec<f32> {
    with(&vec![0.0; width], channels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(problem: TapeProblem, length: usize, repeats: usize, number: u64) -> Sequence {
        let sequence = problem.draw(Size { length, repeats }, &mut RandomGenerator::new(7, number));
        let (input, output) = problem.widths();
        assert!(sequence.inputs.iter().all(|vector| vector.len() == input as usize));
        assert!(sequence.targets.iter().all(|vector| vector.len() == output as usize));
        sequence
    }

    #[test]
    fn copies_answer_with_what_was_shown() {
        let sequence = drawn(TapeProblem::Copy { length: 20 }, 4, 1, 0);
        assert_eq!(sequence.inputs.len(), 9);
        for step in 0..4 {
            assert_eq!(sequence.inputs[step][..8], sequence.targets[step][..]);
            assert!(sequence.inputs[5 + step].iter().all(|&x| x == 0.0), "nothing is shown while it answers");
        }
        assert_eq!(sequence.inputs[4][8], 1.0);
    }

    #[test]
    fn what_is_reversed_ends_with_what_was_shown_first() {
        let sequence = drawn(TapeProblem::Reverse { length: 20 }, 4, 1, 0);
        for step in 0..4 {
            assert_eq!(sequence.inputs[step][..8], sequence.targets[3 - step][..]);
        }
    }

    #[test]
    fn a_way_leads_from_node_to_child() {
        for number in 0..20 {
            let sequence = drawn(TapeProblem::TreeNavigation { depth: 3 }, 3, 1, number);
            assert_eq!((sequence.inputs.len(), sequence.targets.len()), (14 + 3, 3));
            let mut at = sequence.inputs[14][..8].to_vec();
            for (step, target) in sequence.inputs[14..].iter().zip(&sequence.targets) {
                let edge = sequence.inputs[..14].iter().filter(|edge| edge[..8] == at && edge[16] == step[16]);
                let [edge] = edge.collect::<Vec<_>>()[..] else { panic!("one child at each side") };
                assert_eq!((&edge[8..16], edge[17], step[17]), (&target[..], 0.0, 1.0));
                at.clone_from(target);
            }
            let names: std::collections::BTreeSet<String> =
                sequence.inputs[..14].iter().map(|edge| format!("{:?}", &edge[8..16])).collect();
            assert_eq!(names.len(), 14, "every node but the root is one node's child");
        }
        let edge = Edge { parent: vec![0.0; 8], side: Side::Left, child: vec![1.0; 8] };
        assert_eq!(navigation(std::slice::from_ref(&edge), &edge.parent, &[Side::Left]).unwrap().targets, [vec![1.0; 8]]);
        assert_eq!(navigation(std::slice::from_ref(&edge), &edge.parent, &[Side::Right]), None);
    }

    #[test]
    fn repeated_copies_end_with_a_marker() {
        let problem = TapeProblem::RepeatCopy { length: 10, repeats: 10 };
        let sequence = drawn(problem, 3, 4, 1);
        assert_eq!((sequence.inputs.len(), sequence.targets.len()), (3 + 1 + 13, 13));
        for (step, target) in sequence.targets[..12].iter().enumerate() {
            assert_eq!(target[..8], sequence.inputs[step % 3][..8]);
            assert_eq!(target[8], 0.0);
        }
        assert_eq!(sequence.targets[12][8], 1.0);
        let scaled: Vec<f32> = (1..=10)
            .map(|repeats| drawn(TapeProblem::RepeatCopy { length: 10, repeats: 10 }, 1, repeats, 2).inputs[1][9])
            .collect();
        let mean: f32 = scaled.iter().sum::<f32>() / 10.0;
        let variance: f32 = scaled.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 10.0;
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
    }

    #[test]
    fn recall_answers_with_the_item_after_the_one_asked_for() {
        for number in 0..20 {
            let sequence = drawn(TapeProblem::AssociativeRecall { items: 6 }, 5, 1, number);
            let items: Vec<Vec<&[f32]>> =
                (0..5).map(|item| (1..=3).map(|vector| &sequence.inputs[4 * item + vector][..6]).collect()).collect();
            let asked: Vec<&[f32]> = (21..24).map(|step| &sequence.inputs[step][..6]).collect();
            let place = items.iter().position(|item| *item == asked).unwrap();
            assert_eq!(items[place + 1], sequence.targets.iter().map(Vec::as_slice).collect::<Vec<_>>());
            assert_eq!((sequence.inputs[20][7], sequence.inputs[24][7], sequence.inputs.len()), (1.0, 1.0, 28));
        }
    }

    #[test]
    fn the_best_estimator_of_ngrams_learns_their_table() {
        const LENGTH: usize = 2000;
        let mut random = RandomGenerator::new(1, 1);
        let table: Vec<f64> = (0..1 << CONTEXT).map(|_| random.arcsine()).collect();
        let (mut ideal, mut learned) = (0.0, 0.0);
        for _ in 0..20 {
            let sequence = ngrams_of(&table, LENGTH, &mut random);
            let bits: Vec<f32> =
                sequence.inputs.iter().skip(1).map(|input| input[0]).chain([sequence.targets.last().unwrap()[0]]).collect();
            for (step, target) in sequence.targets.iter().enumerate() {
                let one = table[context_of(&bits[..step + CONTEXT])];
                ideal -= (if target[0] == 1.0 { one } else { 1.0 - one }).log2();
            }
            learned += optimal_bits(&sequence);
        }
        // Learning one chance from n bits costs about ½ log₂ n + 1 bits (Krichevsky and Trofimov 1981).
        let (regret, most) = ((learned - ideal) / 20.0, 32.0 * (0.5 * (LENGTH as f64 / 32.0).log2() + 1.0));
        assert!(regret > 0.0 && regret < most, "{regret} of at most {most}");
    }

    #[test]
    fn sorting_gives_the_highest_priorities_first() {
        let sequence = drawn(TapeProblem::PrioritySort { length: 20, sorted: 16 }, 20, 1, 3);
        let mut shown: Vec<&Vec<f32>> = sequence.inputs[..20].iter().collect();
        shown.sort_by(|one, other| other[9].total_cmp(&one[9]));
        assert_eq!(sequence.targets.len(), 16);
        assert!(sequence.targets.iter().zip(shown).all(|(target, shown)| target[..] == shown[..8]));
    }

    #[test]
    fn sequences_are_a_function_of_seed_and_number() {
        let problem = TapeProblem::Copy { length: 20 };
        assert_eq!(drawn(problem.clone(), 9, 1, 5), drawn(problem.clone(), 9, 1, 5));
        assert_ne!(drawn(problem.clone(), 9, 1, 5), drawn(problem, 9, 1, 6));
    }
}
