//! x
mod data;
mod network;
use data::*;
use ndarray::{Array2, Axis};
use network::*;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use rectify::{Activation, LeakyRelu, Relu};
use std::error::Error;
use std::path::Path;

fn v<T: std::str::FromStr>(k: &str, d: T) -> T {
    std::env::var(k)
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(d)
}

fn run<A: Activation>(a: A, train: &Digits, test: &Digits, seed: u64) -> (f64, f64, Units, f64) {
    let depth: usize = v("DEPTH", 4);
    let width: usize = v("WIDTH", 48);
    let lr: f32 = v("LR", 0.1);
    let mom: f32 = v("MOM", 0.9);
    let epochs: usize = v("EPOCHS", 30);
    let b: usize = v("BATCH", 32);
    let mut sizes = vec![PIXELS];
    sizes.extend(vec![width; depth]);
    sizes.push(CLASSES);
    let mut net = Network::new(a, &sizes, seed).unwrap();
    let mut tape = net.tape(b);
    let mut full = net.tape(train.classes.len());
    let mut bufs = net.buffers(test.classes.len());
    let mut order: Vec<usize> = (0..train.classes.len()).collect();
    let mut rng = StdRng::seed_from_u64(seed + 1);
    let mut first = 0.0;
    let mut best = 0.0f64;
    for e in 0..epochs {
        order.shuffle(&mut rng);
        let sgd = Sgd {
            learning_rate: lr
                * if v("DECAY", 1) == 1 {
                    1.0 - e as f32 / epochs as f32
                } else {
                    1.0
                },
            momentum: mom,
        };
        for c in order.chunks_exact(b) {
            let images: Array2<f32> = train.images.select(Axis(0), c);
            let cl: Vec<usize> = c.iter().map(|&i| train.classes[i]).collect();
            net.train(images.view(), &cl, &mut tape, sgd);
        }
        if e == 4 {
            first = net.units(train.images.view(), &mut full).dead;
        }
        best = best.max(test.accuracy(net.infer(test.images.view(), &mut bufs, |_, _| {})));
    }
    let acc = test.accuracy(net.infer(test.images.view(), &mut bufs, |_, _| {}));
    (acc, best, net.units(train.images.view(), &mut full), first)
}

fn main() -> Result<(), Box<dyn Error>> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/optdigits.csv");
    for seed in 0..v("SEEDS", 5u64) {
        let (train, test) = Digits::read(&p)?.split(500, seed * 10)?;
        let r = run(Relu, &train, &test, seed * 10);
        let l = run(LeakyRelu::new(v("SLOPE", 0.01)), &train, &test, seed * 10);
        println!(
            "{seed} relu acc {:.3} best {:.3} dead {:.2} (e5 {:.2}) | leaky acc {:.3} best {:.3} dead {:.2} silent {:.2}",
            r.0, r.1, r.2.dead, r.3, l.0, l.1, l.2.dead, l.2.silent
        );
    }
    Ok(())
}
