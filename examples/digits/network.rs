//! A fully connected network that is generic over its activation.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;
use rand_distr::{Distribution, Normal, NormalError};
use rectify::{Activation, Gradient};

/// What a layer does in inference, in this order. The last layer has no activation.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Product,
    Bias,
    Activation,
}

pub(crate) const STAGES: usize = 3;

/// Stochastic gradient descent with momentum.
#[derive(Clone, Copy)]
pub(crate) struct Sgd {
    pub(crate) learning_rate: f32,
    pub(crate) momentum: f32,
}

#[derive(Clone)]
struct Layer {
    /// One row an input, one column a unit.
    weights: Array2<f32>,
    bias: Array1<f32>,
    weights_velocity: Array2<f32>,
    bias_velocity: Array1<f32>,
}

impl Layer {
    /// He's initialisation: with it the variance of the signal stays the same through layers of ReLU.
    fn new(inputs: usize, units: usize, rng: &mut impl Rng) -> Result<Self, NormalError> {
        let normal = Normal::new(0.0, (2.0 / inputs as f32).sqrt())?;
        let shape = (inputs, units);
        Ok(Self {
            weights: Array2::from_shape_simple_fn(shape, || normal.sample(rng)),
            bias: Array1::zeros(units),
            weights_velocity: Array2::zeros(shape),
            bias_velocity: Array1::zeros(units),
        })
    }

    fn product(&self, input: ArrayView2<'_, f32>, output: &mut Array2<f32>) {
        general_mat_mul(1.0, &input, &self.weights, 0.0, output);
    }

    fn add_bias(&self, output: &mut Array2<f32>) {
        *output += &self.bias;
    }

    /// Steps against the gradient of the weights, `input` transposed times `grad_output`, which the
    /// product adds to the decayed velocity as it goes.
    fn step(&mut self, input: ArrayView2<'_, f32>, grad_output: &Array2<f32>, sgd: Sgd) {
        let velocity = &mut self.weights_velocity;
        general_mat_mul(1.0, &input.t(), grad_output, sgd.momentum, velocity);
        self.bias_velocity *= sgd.momentum;
        for row in grad_output.rows() {
            self.bias_velocity += &row;
        }
        self.weights
            .scaled_add(-sgd.learning_rate, &self.weights_velocity);
        self.bias
            .scaled_add(-sgd.learning_rate, &self.bias_velocity);
    }
}

/// The buffers that training needs for one batch size: everything that backward reads again.
pub(crate) struct Tape {
    /// Of the hidden layers, then the logits.
    pre_activations: Vec<Array2<f32>>,
    activations: Vec<Array2<f32>>,
    /// With respect to the pre-activations.
    gradients: Vec<Array2<f32>>,
}

pub(crate) struct Network<A> {
    pub(crate) activation: A,
    layers: Vec<Layer>,
}

impl<A: Activation<Formula: Gradient>> Network<A> {
    /// A network of `sizes[0]` inputs and then layers of `sizes[1..]` units.
    pub(crate) fn new(
        activation: A,
        sizes: &[usize],
        rng: &mut impl Rng,
    ) -> Result<Self, NormalError> {
        let layers = sizes
            .windows(2)
            .map(|pair| Layer::new(pair[0], pair[1], rng))
            .collect::<Result<_, _>>()?;
        Ok(Self { activation, layers })
    }

    /// This network, weights and all, with another activation.
    pub(crate) fn with_activation<B>(&self, activation: B) -> Network<B> {
        Network {
            activation,
            layers: self.layers.clone(),
        }
    }

    /// One buffer a layer, for batches of `rows` images.
    pub(crate) fn buffers(&self, rows: usize) -> Vec<Array2<f32>> {
        self.layers
            .iter()
            .map(|layer| Array2::zeros((rows, layer.bias.len())))
            .collect()
    }

    pub(crate) fn tape(&self, rows: usize) -> Tape {
        Tape {
            pre_activations: self.buffers(rows),
            activations: self.buffers(rows),
            gradients: self.buffers(rows),
        }
    }

    /// Inference: returns the logits, one row an image, and calls `after` with the layer's index after
    /// each stage. Nobody reads the pre-activations again, so they become the activations in place.
    ///
    /// `activation.par()` would pay here once a layer's output is over a megabyte, at some 8,000
    /// images a batch; with hundreds of images, waking a thread takes longer than the activation.
    pub(crate) fn infer<'a>(
        &self,
        images: ArrayView2<'_, f32>,
        buffers: &'a mut [Array2<f32>],
        mut after: impl FnMut(usize, Stage),
    ) -> ArrayView2<'a, f32> {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, rest) = buffers.split_at_mut(index);
            let input = before.last().map_or(images, |buffer| buffer.view());
            let output = &mut rest[0];
            layer.product(input, output);
            after(index, Stage::Product);
            layer.add_bias(output);
            after(index, Stage::Bias);
            if index < last {
                self.activation.forward_in_place(elements_mut(output));
                after(index, Stage::Activation);
            }
        }
        buffers[last].view()
    }

    /// One step of gradient descent on the mean cross-entropy of a batch.
    pub(crate) fn train(
        &mut self,
        images: ArrayView2<'_, f32>,
        classes: &[usize],
        tape: &mut Tape,
        sgd: Sgd,
    ) {
        self.forward(images, tape);
        let last = self.layers.len() - 1;
        let logits = &tape.pre_activations[last];
        cross_entropy_gradient(logits, classes, &mut tape.gradients[last]);
        self.backward(images, tape, sgd);
    }

    /// The share of hidden units whose pre-activation is `idle` for every one of `images`.
    pub(crate) fn idle_units(
        &self,
        images: ArrayView2<'_, f32>,
        tape: &mut Tape,
        idle: impl Fn(f32) -> bool,
    ) -> f64 {
        self.forward(images, tape);
        let hidden = &tape.pre_activations[..self.layers.len() - 1];
        let units = || hidden.iter().flat_map(|layer| layer.columns());
        let idle_units = units().filter(|unit| unit.iter().all(|&x| idle(x)));
        idle_units.count() as f64 / units().count() as f64
    }

    /// Fills the tape up to the logits. The pre-activations stay, since backward differentiates there.
    fn forward(&self, images: ArrayView2<'_, f32>, tape: &mut Tape) {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = layer_input(images, &tape.activations, index);
            let pre_activation = &mut tape.pre_activations[index];
            layer.product(input, pre_activation);
            layer.add_bias(pre_activation);
            if index < last {
                self.activation.forward(
                    elements(pre_activation),
                    elements_mut(&mut tape.activations[index]),
                );
            }
        }
    }

    /// From the gradient of the logits back to the first layer. A layer passes its gradient on before it
    /// steps, because the gradient is that of the weights which forward used.
    fn backward(&mut self, images: ArrayView2<'_, f32>, tape: &mut Tape, sgd: Sgd) {
        for (index, layer) in self.layers.iter_mut().enumerate().rev() {
            let (before, rest) = tape.gradients.split_at_mut(index);
            let grad_output = &rest[0];
            if let Some(grad_input) = before.last_mut() {
                general_mat_mul(1.0, grad_output, &layer.weights.t(), 0.0, grad_input);
                self.activation.backward_in_place(
                    elements(&tape.pre_activations[index - 1]),
                    elements_mut(grad_input),
                );
            }
            let input = layer_input(images, &tape.activations, index);
            layer.step(input, grad_output, sgd);
        }
    }
}

fn layer_input<'a>(
    images: ArrayView2<'a, f32>,
    activations: &'a [Array2<f32>],
    index: usize,
) -> ArrayView2<'a, f32> {
    match index.checked_sub(1) {
        Some(previous) => activations[previous].view(),
        None => images,
    }
}

/// Softmax less the one-hot class, over the batch size. The largest logit is subtracted first, lest
/// `exp` overflow.
fn cross_entropy_gradient(logits: &Array2<f32>, classes: &[usize], gradient: &mut Array2<f32>) {
    let scale = 1.0 / classes.len() as f32;
    gradient.assign(logits);
    for (mut row, &class) in gradient.rows_mut().into_iter().zip(classes) {
        let largest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|logit| (logit - largest).exp());
        row *= scale / row.sum();
        row[class] -= scale;
    }
}

const LAYOUT: &str = "every buffer is a whole array in row-major order";

fn elements(array: &Array2<f32>) -> &[f32] {
    array.as_slice().expect(LAYOUT)
}

fn elements_mut(array: &mut Array2<f32>) -> &mut [f32] {
    array.as_slice_mut().expect(LAYOUT)
}
