//! Neural stack, queue and double-ended queue (DeQue): a list of values, each with a strength, pushed, popped and read at its ends
//! (Grefenstette et al. 2015). t values are held at a time.

use tch::{Kind, Tensor};

use super::machine::{Accessed, Memory, MemoryState, Weightings};
use crate::recipe::StackQueueKind;

/// Values V [B, t, M] with strengths s [B, t]. Each push adds a value, and none is ever removed: what was popped has strength zero.
pub struct StackQueue {
    kind: StackQueueKind,
    width: i64,
    options: (Kind, tch::Device),
}

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Top,
    Bottom,
}

impl StackQueue {
    /// Of values of `width` numbers, M. `options`: their kind and device.
    pub fn new(kind: StackQueueKind, width: i64, options: (Kind, tch::Device)) -> Self {
        StackQueue { kind, width, options }
    }

    fn pushes(&self) -> &'static [End] {
        match self.kind {
            StackQueueKind::Stack | StackQueueKind::Queue => &[End::Top],
            StackQueueKind::Deque => &[End::Top, End::Bottom],
        }
    }

    /// Where it is popped and read.
    fn pops(&self) -> &'static [End] {
        match self.kind {
            StackQueueKind::Stack => &[End::Top],
            StackQueueKind::Queue => &[End::Bottom],
            StackQueueKind::Deque => &[End::Top, End::Bottom],
        }
    }
}

/// For each value the sum of the strengths between it and an end: [B, t] to [B, t].
fn before(strengths: &Tensor, end: End) -> Tensor {
    let sums = strengths.cumsum(1, strengths.kind());
    match end {
        End::Bottom => sums - strengths,
        End::Top => strengths.sum_dim_intlist(1, true, None::<Kind>) - sums,
    }
}

/// Strengths [B, t] after the pop signal u [B, 1] was taken away from an end on (equation 1 of the paper for stacks, 4 for queues).
fn pop(strengths: &Tensor, signal: &Tensor, end: End) -> Tensor {
    (strengths - (signal - before(strengths, end)).relu()).relu()
}

/// Weights that values are read with: the first unit of strength from an end on (equations 3 and 5). [B, t] to [B, t].
fn read_weights(strengths: &Tensor, end: End) -> Tensor {
    strengths.minimum(&(before(strengths, end) * -1.0 + 1.0).relu())
}

/// Values [B, t, M] with a value [B, M] at an end: [B, t + 1, M]. Strengths [B, t] with a strength [B] likewise.
fn push(values: &Tensor, value: &Tensor, end: End) -> Tensor {
    let value = value.unsqueeze(1); // [B, 1, M]
    match end {
        End::Top => Tensor::cat(&[values, &value], 1),
        End::Bottom => Tensor::cat(&[&value, values], 1),
    }
}

impl Memory for StackQueue {
    /// Pop signals u and push signals d of each end, and values v to be pushed.
    fn interface(&self) -> i64 {
        self.pops().len() as i64 + self.pushes().len() as i64 * (1 + self.width)
    }

    fn read_size(&self) -> i64 {
        self.pops().len() as i64 * self.width
    }

    /// No values [B, 0, M] of no strengths [B, 0].
    fn start(&self, rows: i64) -> MemoryState {
        MemoryState(vec![Tensor::zeros([rows, 0, self.width], self.options), Tensor::zeros([rows, 0], self.options)])
    }

    /// Pops, then pushes, then reads. Weightings are the weights that values were read with, and the strengths of the values.
    fn access(&self, interface: &Tensor, state: &MemoryState) -> Accessed {
        let (pops, pushes) = (self.pops(), self.pushes());
        let (mut values, mut strengths) = (state.0[0].shallow_clone(), state.0[1].shallow_clone()); // [B, t, M], [B, t]
        // [B, pops], [B, pushes], [B, pushes · M]
        let parts = interface.split_with_sizes([pops.len() as i64, pushes.len() as i64, pushes.len() as i64 * self.width], 1);
        // Before it is trained it keeps rather than loses: pushes more than it pops.
        let (pop_signals, push_signals) = ((&parts[0] - 1.0).sigmoid(), (&parts[1] + 1.0).sigmoid());
        let pushed = parts[2].tanh();
        for (number, &end) in pops.iter().enumerate() {
            strengths = pop(&strengths, &pop_signals.narrow(1, number as i64, 1), end); // [B, t]
        }
        for (number, &end) in pushes.iter().enumerate() {
            let number = number as i64;
            values = push(&values, &pushed.narrow(1, number * self.width, self.width), end); // [B, t, M], t one more
            strengths = push(&strengths, &push_signals.select(1, number), end); // [B, t], t one more
        }
        let weights: Vec<Tensor> = pops.iter().map(|&end| read_weights(&strengths, end)).collect();
        let weights = Tensor::stack(&weights, 1); // [B, pops, t]
        let weightings = Weightings { read: weights.shallow_clone(), write: strengths.unsqueeze(1) }; // [B, pops, t], [B, 1, t]
        let read = weights.bmm(&values).flatten(1, 2); // [B, pops · M] = [B, R]
        Accessed { read, state: MemoryState(vec![values, strengths]), weightings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{MachineOptions, MemoryMachine};
    use crate::nn::Parameters;
    use crate::nn::numerical::check_gradients;
    use crate::recipe::ControllerKind;
    use tch::Device;

    const DOUBLE: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn row(numbers: &[f64]) -> Tensor {
        Tensor::from_slice(numbers).unsqueeze(0)
    }

    fn close(tensor: &Tensor, expected: &[f64]) {
        let found = Vec::<f64>::try_from(tensor.reshape(-1)).unwrap();
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    /// An interface of saturated numbers: pops, pushes, and the values pushed.
    fn interface(pops: &[bool], pushes: &[bool], values: &[f64]) -> Tensor {
        let signal = |does: &bool| if *does { 50.0 } else { -50.0 };
        row(&pops.iter().map(signal).chain(pushes.iter().map(signal)).chain(values.iter().map(|v| v.atanh())).collect::<Vec<_>>())
    }

    #[test]
    fn the_example_of_the_paper() {
        // Figure 1: v1 of 0.8, then 0.1 popped and v2 of 0.5 pushed, then 0.9 popped and v3 of 0.9 pushed.
        let mut strengths = row(&[0.8]);
        close(&read_weights(&strengths, End::Top), &[0.8]);
        strengths = push(&pop(&strengths, &row(&[0.1]), End::Top), &Tensor::from_slice(&[0.5]), End::Top);
        close(&strengths, &[0.7, 0.5]);
        close(&read_weights(&strengths, End::Top), &[0.5, 0.5]);
        strengths = push(&pop(&strengths, &row(&[0.9]), End::Top), &Tensor::from_slice(&[0.9]), End::Top);
        close(&strengths, &[0.3, 0.0, 0.9]);
        close(&read_weights(&strengths, End::Top), &[0.1, 0.0, 0.9]);
    }

    /// What is read at each of these steps, when everything is done wholly or not at all.
    fn reads(kind: StackQueueKind, steps: &[(&[bool], &[bool], &[f64])]) -> Vec<Vec<f64>> {
        let memory = StackQueue::new(kind, 1, DOUBLE);
        let mut state = memory.start(1);
        let mut reads = Vec::new();
        for (pops, pushes, values) in steps {
            let accessed = memory.access(&interface(pops, pushes, values), &state);
            reads.push(Vec::try_from(accessed.read.reshape(-1)).unwrap());
            state = accessed.state;
        }
        reads
    }

    fn same(found: Vec<Vec<f64>>, expected: &[&[f64]]) {
        close(&row(&found.concat()), &expected.concat());
    }

    #[test]
    fn last_in_first_out_and_first_in_first_out() {
        let (push, pop) = ((&[false][..], &[true][..]), (&[true][..], &[false][..]));
        let steps: Vec<(&[bool], &[bool], &[f64])> = vec![
            (push.0, push.1, &[0.1]),
            (push.0, push.1, &[0.2]),
            (push.0, push.1, &[0.3]),
            (pop.0, pop.1, &[0.9]),
            (pop.0, pop.1, &[0.9]),
            (pop.0, pop.1, &[0.9]),
            // Nothing is there any more, and popping once more does no harm.
            (pop.0, pop.1, &[0.9]),
        ];
        same(reads(StackQueueKind::Stack, &steps), &[&[0.1], &[0.2], &[0.3], &[0.2], &[0.1], &[0.0], &[0.0]]);
        same(reads(StackQueueKind::Queue, &steps), &[&[0.1], &[0.1], &[0.1], &[0.2], &[0.3], &[0.0], &[0.0]]);
    }

    #[test]
    fn a_deque_works_at_both_ends() {
        const YES: bool = true;
        const NO: bool = false;
        let steps: Vec<(&[bool], &[bool], &[f64])> = vec![
            (&[NO, NO], &[YES, NO], &[0.1, 0.9]),
            (&[NO, NO], &[YES, NO], &[0.2, 0.9]),
            (&[NO, NO], &[NO, YES], &[0.9, 0.3]),
            // From the bottom: 0.3, 0.1, 0.2.
            (&[YES, NO], &[NO, NO], &[0.9, 0.9]),
            (&[NO, YES], &[NO, NO], &[0.9, 0.9]),
        ];
        same(reads(StackQueueKind::Deque, &steps), &[&[0.1, 0.1], &[0.2, 0.1], &[0.2, 0.3], &[0.1, 0.3], &[0.1, 0.1]]);
    }

    #[test]
    fn gradients_are_right() {
        for kind in [StackQueueKind::Stack, StackQueueKind::Queue, StackQueueKind::Deque] {
            tch::manual_seed(5);
            let store = Parameters::double(5);
            let options = MachineOptions { input: 2, controller: ControllerKind::Lstm, hidden: 4, output: 2 };
            let machine = MemoryMachine::new(&store.root(), &options, Box::new(StackQueue::new(kind, 2, DOUBLE)));
            let inputs = Tensor::randn([2, 4, 2], DOUBLE);
            check_gradients(&store.named(), || machine.run(&inputs).0.square().sum(Kind::Double));
        }
    }
}
