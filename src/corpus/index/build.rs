//! Text to index file, in chunks that are tokenized on all cores.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::layout::{HEADER, Layout};
use super::{IndexRequest, Metadata, Origin, Record};
use crate::corpus::filter::{Filter, FilterReport};
use crate::runtime::files::AtomicFile;
use crate::runtime::files::Shown;

/// A chunk ends with the pair that reaches either of these: enough to keep every core busy, little enough for any memory.
const CHUNK_PAIRS: usize = 8192;
const CHUNK_BYTES: usize = 8 << 20;

/// Writes the index, and gives it open. `unchanged` errs if the text changed since its checksums were taken.
pub fn build(
    request: &IndexRequest,
    origin: Origin,
    source: &(impl Fn(&str) -> Vec<u32> + Sync),
    target: &(impl Fn(&str) -> Vec<u32> + Sync),
    unchanged: impl FnOnce() -> Result<()>,
) -> Result<(File, FilterReport)> {
    let mut writer = Writer::create(request)?;
    let mut filter = Filter::new(request.filters.clone());
    let progress = ProgressBar::no_length().with_style(ProgressStyle::with_template("tokenizing {human_pos} pairs, {per_sec}")?);
    let mut pairs = request.text.pairs()?;
    let mut line = 0;
    loop {
        let chunk = read_chunk(&mut pairs)?;
        if chunk.is_empty() {
            break;
        }
        let ids: Vec<(Vec<u32>, Vec<u32>)> = chunk.par_iter().map(|(one, other)| (source(one), target(other))).collect();
        for ((source, target), (source_ids, target_ids)) in chunk.iter().zip(&ids) {
            line += 1;
            if filter.keep(source, target, source_ids.len(), target_ids.len()) {
                writer.pair(line, source_ids, target_ids)?;
            }
        }
        progress.inc(chunk.len() as u64);
    }
    progress.finish_and_clear();
    let names = || request.text.paths().iter().map(|path| path.shown()).collect::<Vec<_>>().join(" and ");
    ensure!(line > 0, "{}: no lines, expected at least one sentence pair", names());
    let report = filter.into_report();
    ensure!(report.kept > 0, "{}: no pair is left to train on ({report}); let the filters keep more", names());
    unchanged()?;
    let file = writer.finish(&Metadata { origin, filter: report.clone() })?;
    Ok((file, report))
}

fn read_chunk(pairs: &mut impl Iterator<Item = Result<(String, String)>>) -> Result<Vec<(String, String)>> {
    let mut chunk = Vec::new();
    let mut bytes = 0;
    while chunk.len() < CHUNK_PAIRS && bytes < CHUNK_BYTES {
        let Some(pair) = pairs.next().transpose()? else { break };
        bytes += pair.0.len() + pair.1.len();
        chunk.push(pair);
    }
    Ok(chunk)
}

/// The file in the making. Records are written to a file of their own and appended at the end, as nobody knows how many ids come before.
struct Writer<'a> {
    request: &'a IndexRequest<'a>,
    index: BufWriter<AtomicFile>,
    records: BufWriter<AtomicFile>,
    hasher: Sha256,
    layout: Layout,
    bytes: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn create(request: &'a IndexRequest) -> Result<Self> {
        let mut index = BufWriter::new(AtomicFile::create(request.path)?);
        let records = BufWriter::new(AtomicFile::create(&request.path.with_extension("records"))?);
        let width = if request.vocabulary <= 1 << 16 { 2 } else { 4 };
        index.write_all(&[0; HEADER]).with_context(|| unwritable(request))?;
        let layout = Layout { width, pairs: 0, ids: 0, metadata: 0 };
        Ok(Self { request, index, records, hasher: Sha256::new(), layout, bytes: Vec::new() })
    }

    fn pair(&mut self, line: u64, source: &[u32], target: &[u32]) -> Result<()> {
        let (Ok(source_length), Ok(target_length)) = (u32::try_from(source.len()), u32::try_from(target.len())) else {
            bail!("line {line} is longer than an index holds: filter by length");
        };
        self.bytes.clear();
        for &id in source.iter().chain(target) {
            let vocabulary = self.request.vocabulary;
            ensure!(
                (id as usize) < vocabulary,
                "line {line} has the token id {id}, expected less than the vocabulary's {vocabulary}"
            );
            self.bytes.extend_from_slice(&id.to_le_bytes()[..self.layout.width]);
        }
        let record = Record { start: self.layout.ids as u64, line, source_length, target_length };
        self.hasher.update(&self.bytes);
        self.index.write_all(&self.bytes).with_context(|| unwritable(self.request))?;
        self.records.write_all(&record.to_bytes()).with_context(|| unwritable(self.request))?;
        self.layout.pairs += 1;
        self.layout.ids += source.len() + target.len();
        Ok(())
    }

    fn finish(mut self, metadata: &Metadata) -> Result<File> {
        self.append(metadata).with_context(|| unwritable(self.request))?;
        let file = self.index.into_inner().map_err(|error| error.into_error()).with_context(|| unwritable(self.request))?;
        file.commit()
    }

    fn append(&mut self, metadata: &Metadata) -> io::Result<()> {
        self.records.flush()?;
        let mut records = self.records.get_ref().file();
        records.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; 1 << 16];
        loop {
            let length = records.read(&mut block)?;
            if length == 0 {
                break;
            }
            self.hasher.update(&block[..length]);
            self.index.write_all(&block[..length])?;
        }
        let metadata = serde_json::to_vec(metadata)?;
        self.layout.metadata = metadata.len();
        self.hasher.update(&metadata);
        self.index.write_all(&metadata)?;
        self.hasher.update(self.layout.header());
        self.index.write_all(&self.hasher.finalize_reset())?;
        self.index.flush()?;
        let mut file = self.index.get_ref().file();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.layout.header())
    }
}

fn unwritable(request: &IndexRequest) -> String {
    format!("{}: cannot write", request.path.shown())
}
