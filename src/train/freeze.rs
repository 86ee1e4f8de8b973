//! Parameters that stay as they are: `training.freeze`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::task::Parameter;

/// About as many names as one reads in an error.
const MOST_NAMES: usize = 40;

/// The parameters that are trained. Those under one of `prefixes` (whole parts of dotted names) need no gradient from now on, cost none,
/// and no state of the optimizer; how many numbers they hold comes back as well.
///
/// # Errors
/// When a prefix is that of no parameter, with the prefixes there are; or when nothing is left to train.
pub fn freeze(parameters: Vec<Parameter>, prefixes: &[String]) -> Result<(Vec<Parameter>, u64)> {
    let unknown: Vec<&String> =
        prefixes.iter().filter(|prefix| !parameters.iter().any(|parameter| holds(prefix, &parameter.name))).collect();
    if !unknown.is_empty() {
        let known = known_prefixes(&parameters);
        let hints: Vec<String> = unknown.iter().map(|prefix| describe(prefix, &known)).collect();
        bail!("training.freeze: no parameter begins with {}; there are {}", hints.join(" or "), known.join(", "));
    }
    let (frozen, trained): (Vec<Parameter>, Vec<Parameter>) =
        parameters.into_iter().partition(|parameter| prefixes.iter().any(|prefix| holds(prefix, &parameter.name)));
    if trained.is_empty() && !frozen.is_empty() {
        bail!("training.freeze: leaves nothing to train; all {} parameters are frozen", frozen.len());
    }
    // The model's own handles share these tensors, so its backward passes leave them out.
    let numbers = frozen.iter().map(|parameter| parameter.tensor.set_requires_grad(false).numel() as u64).sum();
    Ok((trained, numbers))
}

/// Whether a parameter of this name is one of those under a prefix.
pub(super) fn holds(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn describe(prefix: &str, known: &[String]) -> String {
    let near = known.iter().min_by_key(|name| strsim::damerau_levenshtein(name, prefix));
    match near.filter(|name| strsim::damerau_levenshtein(name, prefix) <= prefix.chars().count() / 3) {
        Some(near) => format!("`{prefix}` (did you mean `{near}`?)"),
        None => format!("`{prefix}`"),
    }
}

/// The prefixes of parameter names: as many levels of them as one can read.
fn known_prefixes(parameters: &[Parameter]) -> Vec<String> {
    let of_depth = |depth: usize| -> BTreeSet<String> {
        let cut = |parameter: &Parameter| parameter.name.split('.').take(depth).collect::<Vec<_>>().join(".");
        parameters.iter().map(cut).collect()
    };
    let deepest = parameters.iter().map(|parameter| parameter.name.split('.').count()).max().unwrap_or(0);
    let mut known = of_depth(1);
    for depth in 2..=deepest {
        let more: BTreeSet<String> = known.union(&of_depth(depth)).cloned().collect();
        if more.len() > MOST_NAMES {
            break;
        }
        known = more;
    }
    known.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    fn parameters() -> Vec<Parameter> {
        ["encoder.layer.1.weight", "encoder.layer.10.weight", "decoder.bias", "output"]
            .map(|name| Parameter {
                name: name.into(),
                tensor: Tensor::ones([2, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true),
            })
            .into()
    }

    fn frozen(prefixes: &[&str]) -> Result<(Vec<String>, u64)> {
        let prefixes: Vec<String> = prefixes.iter().map(|prefix| prefix.to_string()).collect();
        let (trained, count) = freeze(parameters(), &prefixes)?;
        Ok((trained.into_iter().map(|parameter| parameter.name).collect(), count))
    }

    #[test]
    fn prefixes_are_whole_parts_of_names() {
        let (names, count) = frozen(&["encoder.layer.1", "output"]).unwrap();
        assert_eq!((names, count), (vec!["encoder.layer.10.weight".to_string(), "decoder.bias".into()], 12));
        assert_eq!(frozen(&[]).unwrap().1, 0);
    }

    #[test]
    fn the_models_own_handle_needs_no_gradient_any_more() {
        let parameters = parameters();
        let model: Vec<Tensor> = parameters.iter().map(|parameter| parameter.tensor.shallow_clone()).collect();
        freeze(parameters, &["encoder".into()]).unwrap();
        assert_eq!(model.iter().map(Tensor::requires_grad).collect::<Vec<_>>(), [false, false, true, true]);
    }

    #[test]
    fn an_unknown_prefix_is_an_error_with_those_there_are() {
        let error = frozen(&["encodr", "encoder.layer", "src"]).unwrap_err().to_string();
        for part in ["`encodr` (did you mean `encoder`?) or `src`; there are", "decoder.bias", "encoder.layer.10", "output"] {
            assert!(error.contains(part), "{error}");
        }
        let error = frozen(&["encoder", "decoder", "output"]).unwrap_err().to_string();
        assert!(error.contains("leaves nothing to train"), "{error}");
    }
}
