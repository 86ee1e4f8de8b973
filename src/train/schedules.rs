//! Learning rates as a pure function of the recipe, the update and the validations so far: resuming needs nothing else.

use super::history::{History, is_better};
use crate::recipe::{
    ConstantRecipe, HalvingUnit, InverseSquareRootRecipe, LuongHalvingRecipe, PlateauRecipe, ScheduleRecipe, StepRecipe,
    TrainingRecipe,
};

/// The rate of the `update`-th update, counted from 1, in the epoch after `epochs` whole ones.
pub fn learning_rate(recipe: &TrainingRecipe, update: u64, epochs: u64, history: &History) -> f64 {
    let peak = recipe.optimizer.learning_rate();
    match recipe.schedule {
        ScheduleRecipe::Constant(ConstantRecipe { warmup }) => peak * warmup_factor(update, warmup),
        ScheduleRecipe::InverseSquareRoot(InverseSquareRootRecipe { warmup }) => {
            let warmup = warmup.max(1);
            peak * warmup_factor(update, warmup).min((warmup as f64 / update as f64).sqrt())
        }
        ScheduleRecipe::LuongHalving(LuongHalvingRecipe { after, every, unit }) => {
            let done = match unit {
                HalvingUnit::Epochs => epochs,
                HalvingUnit::Updates => update - 1,
            };
            peak * decay_factor(0.5, done, after, every)
        }
        ScheduleRecipe::Step(StepRecipe { factor, every, start }) => peak * decay_factor(factor, update, start, every),
        ScheduleRecipe::Plateau(plateau) => plateau_rate(peak, plateau, recipe, history),
    }
}

/// Linear from 0, 1 from update `warmup` on.
fn warmup_factor(update: u64, warmup: u64) -> f64 {
    if update < warmup { update as f64 / warmup as f64 } else { 1.0 }
}

/// `factor` to the power of how often the rate has fallen: at `start`, and then every `every`.
fn decay_factor(factor: f64, at: u64, start: u64, every: u64) -> f64 {
    if at < start { 1.0 } else { factor.powf(1.0 + ((at - start) / every.max(1)) as f64) }
}

/// Falls after each row of `patience` validations without a new best one.
fn plateau_rate(
    peak: f64,
    PlateauRecipe { factor, patience, minimum }: PlateauRecipe,
    recipe: &TrainingRecipe,
    history: &History,
) -> f64 {
    let (mut rate, mut best, mut bad) = (peak, None, 0);
    let mut superseded = None;
    for validated in history.entries() {
        let score = validated.score(recipe.metric);
        // Of other data: what was best does not count, but the rate does not rise again.
        if superseded.replace(validated.superseded) != Some(validated.superseded) {
            (best, bad) = (None, 0);
        }
        if is_better(recipe.metric, score, best) {
            (best, bad) = (score, 0);
        } else if !validated.again {
            bad += 1;
        }
        if bad == patience.max(1) {
            rate = (rate * factor).max(minimum).min(rate);
            bad = 0;
        }
    }
    rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{AdamRecipe, Metric, OptimizerRecipe};
    use crate::train::Validation;
    use crate::train::history::Validated;

    fn rate_with(schedule: ScheduleRecipe, update: u64, epochs: u64, losses: &[f64]) -> f64 {
        let optimizer = OptimizerRecipe::Adam(AdamRecipe { learning_rate: 0.8, ..AdamRecipe::default() });
        let recipe = TrainingRecipe { optimizer, schedule, metric: Metric::Loss, ..TrainingRecipe::default() };
        learning_rate(&recipe, update, epochs, &History::of_scores("loss", losses))
    }

    fn rates(schedule: ScheduleRecipe, updates: &[u64]) -> Vec<f64> {
        updates.iter().map(|&update| rate_with(schedule, update, 0, &[])).collect()
    }

    #[test]
    fn constant_rises_when_asked() {
        assert_eq!(rates(ScheduleRecipe::Constant(ConstantRecipe { warmup: 0 }), &[1, 99]), [0.8, 0.8]);
        assert_eq!(rates(ScheduleRecipe::Constant(ConstantRecipe { warmup: 4 }), &[1, 2, 4, 5]), [0.2, 0.4, 0.8, 0.8]);
    }

    #[test]
    fn inverse_square_root_is_vaswanis_with_another_peak() {
        let (model, warmup) = (512f64, 4000f64);
        let vaswani = |update: f64| model.powf(-0.5) * update.powf(-0.5).min(update * warmup.powf(-1.5));
        let schedule = ScheduleRecipe::InverseSquareRoot(InverseSquareRootRecipe { warmup: 4000 });
        for update in [1, 100, 3999, 4000, 4001, 16000, 100_000] {
            let expected = vaswani(update as f64) / vaswani(warmup) * 0.8;
            assert!((rate_with(schedule, update, 0, &[]) - expected).abs() < 1e-12, "{update}");
        }
    }

    #[test]
    fn luong_halves_after_five_epochs_every_epoch() {
        let schedule = ScheduleRecipe::LuongHalving(LuongHalvingRecipe::default());
        let rates: Vec<f64> = (0..8).map(|epochs| rate_with(schedule, 1, epochs, &[])).collect();
        assert_eq!(rates, [0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.2, 0.1]);
        let updates = ScheduleRecipe::LuongHalving(LuongHalvingRecipe { after: 10, every: 5, unit: HalvingUnit::Updates });
        assert_eq!(super::tests::rates(updates, &[1, 10, 11, 15, 16]), [0.8, 0.8, 0.4, 0.4, 0.2]);
    }

    #[test]
    fn steps_fall_at_start_and_then_every_so_often() {
        let schedule = ScheduleRecipe::Step(StepRecipe { factor: 0.5, every: 10, start: 20 });
        assert_eq!(rates(schedule, &[1, 19, 20, 29, 30]), [0.8, 0.8, 0.4, 0.4, 0.2]);
    }

    #[test]
    fn plateau_waits_for_its_patience() {
        let schedule = ScheduleRecipe::Plateau(PlateauRecipe { factor: 0.5, patience: 2, minimum: 0.3 });
        let losses = [5.0, 4.0, 4.0, 4.5, 3.9, f64::NAN, 6.0, 7.0, 8.0];
        let rates: Vec<f64> = (0..=losses.len()).map(|count| rate_with(schedule, 1, 0, &losses[..count])).collect();
        assert_eq!(rates, [0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3]);
        let plateau = PlateauRecipe { factor: 0.5, patience: 2, minimum: 0.0 };
        let mut history = History::of_scores("loss", &losses[..6]);
        history.supersede();
        let scored = |update, loss| {
            Validated::new(update, 0, 0.0, &Validation { scores: vec![("loss".into(), loss)], ..Validation::default() })
        };
        let recipe = TrainingRecipe { metric: Metric::Loss, ..TrainingRecipe::default() };
        let mut rates = vec![plateau_rate(0.8, plateau, &recipe, &history)];
        let again = Validated { again: true, ..scored(50, 9.0) };
        for next in [again.clone(), Validated { update: 60, ..again }, scored(70, 9.5), scored(80, 9.0), scored(90, 8.0)] {
            history.push(next);
            rates.push(plateau_rate(0.8, plateau, &recipe, &history));
        }
        assert_eq!(rates, [0.4, 0.4, 0.4, 0.4, 0.2, 0.2], "scores of other data begin anew, and the rate stays");
        let above = ScheduleRecipe::Plateau(PlateauRecipe { factor: 0.5, patience: 1, minimum: 2.0 });
        assert_eq!(rate_with(above, 1, 0, &[1.0, 1.0]), 0.8, "a minimum above the rate does not raise it");
    }
}
