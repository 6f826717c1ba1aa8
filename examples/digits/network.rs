//! A fully connected network that is generic over its activation.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;
use rand_distr::{Distribution, Normal, NormalError};
use rectify::{Activation, ActivationArrays, Channels, Gradient, Softmax};

/// What a layer does in inference.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Product,
    /// A pass of its own: in the last layer, which has no activation, and where [`Passes::Two`] are asked for.
    Bias,
    /// The same of the activation.
    Activation,
    /// Both in one pass.
    BiasAndActivation,
}

pub(crate) const STAGES: usize = 4;

/// In how many passes over the product bias and activation are done.
#[derive(Clone, Copy)]
pub(crate) enum Passes {
    One,
    /// To compare: what one writes without a fused form.
    Two,
}

/// The units of a layer are the columns of its buffers.
const UNITS: Axis = Axis(1);

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
    bias_gradient: Array1<f32>,
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
            bias_gradient: Array1::zeros(units),
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
    /// product adds to the decayed velocity as it goes, and that of the bias, its sum over the images.
    fn step(&mut self, input: ArrayView2<'_, f32>, grad_output: &Array2<f32>, sgd: Sgd) {
        let velocity = &mut self.weights_velocity;
        general_mat_mul(1.0, &input.t(), grad_output, sgd.momentum, velocity);
        let units = Channels::last(self.bias.as_slice().expect(LAYOUT));
        units.sum(
            grad_output.as_slice().expect(LAYOUT),
            self.bias_gradient.as_slice_mut().expect(LAYOUT),
        );
        self.bias_velocity *= sgd.momentum;
        self.bias_velocity += &self.bias_gradient;
        self.weights
            .scaled_add(-sgd.learning_rate, &self.weights_velocity);
        self.bias
            .scaled_add(-sgd.learning_rate, &self.bias_velocity);
    }
}

/// The buffers that training needs for one batch size: everything that backward reads again.
pub(crate) struct Tape {
    /// Without the bias, which is added again where it is needed.
    products: Vec<Array2<f32>>,
    /// Of the hidden layers, then the logits.
    activations: Vec<Array2<f32>>,
    /// With respect to the products, and so to the bias, too.
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
            products: self.buffers(rows),
            activations: self.buffers(rows),
            gradients: self.buffers(rows),
        }
    }

    /// Inference: returns the logits, one row an image, and calls `after` with the layer's index after
    /// each stage. Nobody reads the products again, so they become the activations in place.
    ///
    /// `activation.par()` would pay here once a layer's output is over a megabyte, at some 8,000
    /// images a batch; with hundreds of images, waking a thread takes longer than the activation.
    pub(crate) fn infer<'a>(
        &self,
        images: ArrayView2<'_, f32>,
        buffers: &'a mut [Array2<f32>],
        passes: Passes,
        mut after: impl FnMut(usize, Stage),
    ) -> ArrayView2<'a, f32> {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, rest) = buffers.split_at_mut(index);
            let input = before.last().map_or(images, |buffer| buffer.view());
            let output = &mut rest[0];
            layer.product(input, output);
            after(index, Stage::Product);
            match passes {
                Passes::One if index < last => {
                    self.activation
                        .forward_bias_array_in_place(&layer.bias, UNITS, output);
                    after(index, Stage::BiasAndActivation);
                }
                _ => {
                    layer.add_bias(output);
                    after(index, Stage::Bias);
                    if index < last {
                        self.activation.forward_array_in_place(output);
                        after(index, Stage::Activation);
                    }
                }
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
        let logits = &tape.activations[last];
        cross_entropy_gradient(logits, classes, &mut tape.gradients[last]);
        self.backward(images, tape, sgd);
    }

    /// The share of hidden units whose product with the bias is `idle` for every one of `images`.
    pub(crate) fn idle_units(
        &self,
        images: ArrayView2<'_, f32>,
        tape: &mut Tape,
        idle: impl Fn(f32) -> bool,
    ) -> f64 {
        self.forward(images, tape);
        let hidden = self.layers.iter().zip(&tape.products);
        let hidden = hidden.take(self.layers.len() - 1);
        let units =
            hidden.flat_map(|(layer, product)| product.columns().into_iter().zip(&layer.bias));
        let idle: Vec<_> = units
            .map(|(unit, bias)| unit.iter().all(|x| idle(x + bias)))
            .collect();
        idle.iter().filter(|&&idle| idle).count() as f64 / idle.len() as f64
    }

    /// Fills the tape up to the logits. The products stay, since backward differentiates there.
    fn forward(&self, images: ArrayView2<'_, f32>, tape: &mut Tape) {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = layer_input(images, &tape.activations, index);
            let product = &mut tape.products[index];
            layer.product(input, product);
            let output = &mut tape.activations[index];
            if index < last {
                self.activation
                    .forward_bias_array(product, &layer.bias, UNITS, output);
            } else {
                output.assign(product);
                layer.add_bias(output);
            }
        }
    }

    /// From the gradient of the logits back to the first layer. A layer passes its gradient on before it
    /// steps, because the gradient is that of the weights which forward used.
    fn backward(&mut self, images: ArrayView2<'_, f32>, tape: &mut Tape, sgd: Sgd) {
        for index in (0..self.layers.len()).rev() {
            let (layers_before, layers) = self.layers.split_at_mut(index);
            let layer = &mut layers[0];
            let (before, rest) = tape.gradients.split_at_mut(index);
            let grad_output = &rest[0];
            if let (Some(grad_input), Some(layer_before)) =
                (before.last_mut(), layers_before.last())
            {
                general_mat_mul(1.0, grad_output, &layer.weights.t(), 0.0, grad_input);
                self.activation.backward_bias_array_in_place(
                    &tape.products[index - 1],
                    &layer_before.bias,
                    UNITS,
                    grad_input,
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

/// Softmax less the one-hot class, over the batch size.
fn cross_entropy_gradient(logits: &Array2<f32>, classes: &[usize], gradient: &mut Array2<f32>) {
    Softmax::along(UNITS).forward(logits, gradient);
    for (mut row, &class) in gradient.rows_mut().into_iter().zip(classes) {
        row[class] -= 1.0;
    }
    *gradient *= 1.0 / classes.len() as f32;
}

const LAYOUT: &str = "every buffer is a whole array in row-major order";
