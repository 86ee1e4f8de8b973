//! Gradients checked against differences, in double precision.

use tch::{Kind, Tensor, no_grad};

/// Compares the gradients of a scalar function with central differences in every element of `inputs` (double, leaves that require
/// gradients and are what the function computes with).
///
/// # Panics
/// Where they differ by more than 1e-6 relative to the larger of 1 and the gradient, naming the input and the element.
pub fn check_gradients(inputs: &[(String, Tensor)], function: impl Fn() -> Tensor) {
    const STEP: f64 = 1e-5;
    const TOLERANCE: f64 = 1e-6;
    for (name, input) in inputs {
        assert!(input.kind() == Kind::Double && input.requires_grad(), "{name} is no double-precision leaf");
        let mut gradient = input.grad();
        if gradient.defined() {
            let _ = gradient.zero_();
        }
    }
    let value = function();
    assert!(value.double_value(&[]).is_finite(), "the function is not finite");
    value.backward();
    let mut moved = false;
    for (name, input) in inputs {
        let gradient = input.grad();
        assert!(gradient.defined(), "{name} has no gradient");
        let gradient = Vec::<f64>::try_from(gradient.reshape(-1)).expect("gradients are numbers");
        let elements = input.view(-1).detach();
        for (index, &gradient) in gradient.iter().enumerate() {
            let at = |shift: f64| {
                no_grad(|| {
                    let mut element = elements.get(index as i64);
                    let before = element.copy();
                    element.copy_(&(&before + shift));
                    let value = function().double_value(&[]);
                    element.copy_(&before);
                    value
                })
            };
            let difference = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let off = (difference - gradient).abs() / gradient.abs().max(1.0);
            assert!(off < TOLERANCE, "{name}[{index}]: gradient {gradient}, by differences {difference}");
            moved |= gradient.abs() > 1e-9;
        }
    }
    assert!(moved, "every gradient is zero: nothing was checked");
}

/// A double-precision leaf of random numbers.
pub fn leaf(name: &str, size: &[i64]) -> (String, Tensor) {
    (name.to_owned(), Tensor::randn(size, (Kind::Double, tch::Device::Cpu)).set_requires_grad(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_gradient_passes() {
        tch::manual_seed(1);
        let inputs = [leaf("x", &[2, 3]), leaf("y", &[3])];
        check_gradients(&inputs, || (inputs[0].1.tanh() * &inputs[1].1).square().sum(Kind::Double));
    }

    #[test]
    #[should_panic(expected = "x[0]: gradient")]
    fn a_wrong_gradient_is_found() {
        tch::manual_seed(1);
        let inputs = [leaf("x", &[2])];
        // The detached factor hides half of the gradient.
        check_gradients(&inputs, || (&inputs[0].1 * inputs[0].1.detach()).sum(Kind::Double));
    }
}
