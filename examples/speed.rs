use std::io::Read;
use std::time::Instant;
use targum::batch::{Source, Target};
use targum::model::*;
use targum::nn::{Pass, ProjectedLoss};
use targum::recipe::*;
use targum::text::*;
use tch::*;
fn read(p: &str) -> Vec<String> {
    let mut s = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(p).unwrap()).read_to_string(&mut s).unwrap();
    s.split('\n').filter(|l| !l.is_empty()).map(|l| l.to_string()).collect()
}
fn main() {
    targum::runtime::keep_memory();
    let threads: i32 = std::env::args().nth(1).map_or(2, |a| a.parse().unwrap());
    tch::set_num_threads(threads);
    let en = read("/work/shared/data/multi30k/train.en.gz");
    let de = read("/work/shared/data/multi30k/train.de.gz");
    let options = TokenizerOptions { size: 10000, lowercase: true, ..Default::default() };
    let (tok, _) = Tokenizer::train(&options, en.iter().chain(&de).map(|s| s.as_str())).unwrap();
    let e = tok.encode_batch(&en.iter().map(|s| s.as_str()).collect::<Vec<_>>());
    let d = tok.encode_batch(&de.iter().map(|s| s.as_str()).collect::<Vec<_>>());
    let mut order: Vec<usize> = (0..4000).collect();
    order.sort_by_key(|&i| (e[i].ids.len(), d[i].ids.len()));
    let mut batches: Vec<Vec<usize>> = vec![];
    let mut cur: Vec<usize> = vec![];
    let (mut ms, mut mt) = (0, 0);
    for i in order {
        let (s, t) = (ms.max(e[i].ids.len() + 1), mt.max(d[i].ids.len() + 1));
        if (cur.len() + 1) * (s + t) > 4096 { batches.push(std::mem::take(&mut cur)); ms = 0; mt = 0; }
        ms = ms.max(e[i].ids.len() + 1); mt = mt.max(d[i].ids.len() + 1);
        cur.push(i);
    }
    let v = tok.size() as i64;
    let att = |score, choice| AttentionRecipe { score, choice, window: 10, size: 512, coverage: false };
    let dec = |kind, input_feeding| DecoderRecipe { kind, layers: 1, hidden: Some(512), input_feeding, maxout: 256 };
    let base = RecurrentRecipe { embedding: 256, hidden: 256, dropout: 0.3, ..Default::default() };
    let gru = RecurrentRecipe { cell: targum::recipe::CellKind::Gru, ..base.clone() };
    let cases = vec![
        ("luong feed", RecurrentRecipe { decoder: dec(DecoderKind::Luong, true), attention: att(ScoreKind::General, ChoiceKind::Global), ..base.clone() }),
        ("luong nofeed", RecurrentRecipe { decoder: dec(DecoderKind::Luong, false), attention: att(ScoreKind::General, ChoiceKind::Global), ..base.clone() }),
        ("bahdanau gru", RecurrentRecipe { decoder: dec(DecoderKind::Bahdanau, false), attention: att(ScoreKind::Additive, ChoiceKind::Global), ..gru.clone() }),
        ("none", RecurrentRecipe { decoder: dec(DecoderKind::None, false), ..base.clone() }),
    ];
    for (name, recipe) in cases {
        let model = build(&ModelRecipe::Recurrent(recipe), Vocabularies { source: v, target: v }, 1, Device::Cpu).unwrap();
        let n: i64 = model.parameters().iter().map(|(_, t)| t.numel() as i64).sum();
        let mut times = [0f64; 4];
        let mut tokens = 0;
        for (k, b) in batches.iter().step_by(batches.len() / 10).enumerate() {
            let t0 = Instant::now();
            let pass = Pass::training(1, k as u64, 0);
            let s = Source::new(&b.iter().map(|&i| &e[i].ids[..]).collect::<Vec<_>>(), Device::Cpu);
            let t = Target::new(&b.iter().map(|&i| &d[i].ids[..]).collect::<Vec<_>>(), Device::Cpu);
            let enc = model.encode(&s, &pass);
            let t1 = Instant::now();
            let out = model.decode(&enc, &t.input, &pass, WithAttention::No);
            let f = out.features;
            let w = *f.size().last().unwrap();
            let f = f.reshape([-1, w]).index_select(0, &t.real);
            let t2 = Instant::now();
            let o = model.output();
            let l = ProjectedLoss { weight: o.weight, bias: o.bias, label_smoothing: 0.1 }.with_gradient(&f, &t.output);
            let t3 = Instant::now();
            l.backward.backward();
            let t4 = Instant::now();
            if k > 0 {
                for (i, (a, b)) in [(t0, t1), (t1, t2), (t2, t3), (t3, t4)].into_iter().enumerate() { times[i] += (b - a).as_secs_f64(); }
                tokens += t.tokens();
            }
            for (_, p) in model.parameters() { let mut g = p.grad(); if g.defined() { let _ = g.zero_(); } }
        }
        let total: f64 = times.iter().sum();
        println!("{name}: {:.1}M params, {:.0} target tokens/s; encode {:.0}% decode {:.0}% loss {:.0}% backward {:.0}%", n as f64 / 1e6, tokens as f64 / total, times[0] / total * 100., times[1] / total * 100., times[2] / total * 100., times[3] / total * 100.);
    }
}
