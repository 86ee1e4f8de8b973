//! Heatmaps of fixed validation sentences, so that attention can be watched forming.

use std::path::Path;

use anyhow::Result;

use super::evaluation::HeldOut;
use crate::alignment::{Heatmap, Links};
use crate::translator::{EncodedPair, Translator};

/// Draws the first `count` validation pairs by forced decoding, so that the same words stand in every picture.
pub fn draw(translator: &Translator, held_out: &HeldOut, count: usize, directory: &Path) -> Result<()> {
    // A sentence too long for a picture takes none of the others with it.
    let is_drawable = |line: &usize| {
        [&held_out.sources[*line], &held_out.targets[*line]].iter().all(|text| text.split_whitespace().count() <= 200)
    };
    if !translator.model.attends() || count == 0 {
        return Ok(());
    }
    let all = translator.encode_pairs(&held_out.pairs())?;
    let drawn = all.into_iter().enumerate().filter(|(line, pair)| translator.fits(pair) && is_drawable(line)).take(count);
    let (lines, pairs): (Vec<usize>, Vec<EncodedPair>) = drawn.unzip();
    let forced = translator.force(&pairs, 4096, translator.view())?;
    for (number, (line, pair)) in lines.into_iter().zip(forced).enumerate() {
        let Some(aligned) = pair.aligned.filter(|aligned| !aligned.target_words.is_empty()) else { continue };
        let mut heatmap = Heatmap::new(&aligned.caption, &aligned.target_words, &aligned.source_words, aligned.weights)?
            .with_links(aligned.links)?;
        if let Some(gold) = &held_out.gold {
            heatmap = heatmap.with_gold(gold[line].sure.iter().copied().collect::<Links>())?;
        }
        heatmap.drawing().save(&directory.join(format!("sentence-{}", number + 1)))?;
    }
    Ok(())
}
