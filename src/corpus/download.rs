//! Downloads that go on where they stopped.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use ureq::config::ConfigBuilder;
use ureq::http::{Response, StatusCode, header};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body};

use crate::runtime::files::{Shown, open_in_place};

/// For how long the other side may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client for [`download`].
pub fn agent() -> Agent {
    Agent::new_with_config(settings().build())
}

pub(super) fn settings() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .user_agent(concat!("targum/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
}

/// Fetches `url` into the file that [`partial`] names for `destination`, with a bar of progress, and returns that file. What an earlier call left
/// there is kept and continued. Whether it is the right file is for the caller to check, and to rename or remove it.
///
/// # Errors
/// A server that cannot be reached or has no such file; a connection that ends early.
pub fn download(agent: &Agent, url: &str, destination: &Path) -> Result<PathBuf> {
    let partial = partial(destination);
    fetch(agent, url, &partial).with_context(|| format!("{url}: cannot download"))?;
    Ok(partial)
}

/// `destination.part`
pub fn partial(destination: &Path) -> PathBuf {
    let mut name = OsString::from(destination);
    name.push(".part");
    name.into()
}

fn fetch(agent: &Agent, url: &str, partial: &Path) -> Result<()> {
    let mut have = fs::metadata(partial).map_or(0, |metadata| metadata.len());
    let mut response = request(agent, url, have)?;
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        if size_in_all(&response) == Some(have) {
            return Ok(());
        }
        // What is here is no beginning of what is there.
        have = 0;
        response = request(agent, url, have)?;
    }
    match response.status() {
        StatusCode::OK => have = 0,
        StatusCode::PARTIAL_CONTENT => {
            let expected = format!("bytes {have}-");
            let range = text(&response, header::CONTENT_RANGE).unwrap_or_default();
            ensure!(range.starts_with(&expected), "the server sent the range {range:?}, expected {expected:?}");
        }
        status => bail!("the server answered {status}, expected {} with the file", StatusCode::OK),
    }
    let left: Option<u64> = text(&response, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut file = open_in_place(partial).with_context(|| format!("{}: cannot write", partial.shown()))?;
    let kept = file.set_len(have).and_then(|()| file.seek(SeekFrom::End(0)));
    kept.with_context(|| format!("{}: cannot write", partial.shown()))?;
    let progress = bar(url, have, left)?;
    let mut body = response.body_mut().as_reader();
    let mut block = vec![0; 1 << 16];
    let mut got = 0;
    loop {
        let length = body.read(&mut block).with_context(|| early(have + got, left.map(|left| have + left)))?;
        if length == 0 {
            break;
        }
        file.write_all(&block[..length]).with_context(|| format!("{}: cannot write", partial.shown()))?;
        got += length as u64;
        progress.set_position(have + got);
    }
    progress.finish_and_clear();
    ensure!(left.is_none_or(|left| left == got), early(have + got, left.map(|left| have + left)));
    Ok(())
}

fn request(agent: &Agent, url: &str, have: u64) -> Result<Response<Body>> {
    // Ranges count the file's own bytes, so they must come as they are.
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    Ok(request.call()?)
}

/// Size of the whole file according to `Content-Range: bytes */SIZE`.
fn size_in_all(response: &Response<Body>) -> Option<u64> {
    text(response, header::CONTENT_RANGE)?.rsplit('/').next()?.parse().ok()
}

fn text(response: &Response<Body>, name: header::HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

fn early(got: u64, size: Option<u64>) -> String {
    let size = size.map_or_else(|| "more".to_owned(), |size| format!("{size}"));
    format!("the connection ended after {got} bytes, expected {size}: run the same command again, which goes on from there")
}

fn bar(url: &str, have: u64, left: Option<u64>) -> Result<ProgressBar> {
    let name = url.rsplit('/').next().unwrap_or(url).to_owned();
    let bar = match left {
        Some(left) => ProgressBar::new(have + left)
            .with_style(ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}")?),
        None => ProgressBar::no_length().with_style(ProgressStyle::with_template("{msg} {bytes} {bytes_per_sec}")?),
    };
    bar.set_position(have);
    bar.reset_eta();
    Ok(bar.with_message(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::test_server::{Behaviour, Server};

    const CONTENT: &[u8] = b"one two three four five six seven";

    /// Result and bytes of the partial file after one download with `before` lying there.
    fn run(behaviour: Behaviour, before: Option<&[u8]>) -> (Result<PathBuf>, Vec<u8>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("file.gz");
        if let Some(before) = before {
            fs::write(partial(&destination), before).unwrap();
        }
        let server = Server::start(behaviour, &[("/file.gz", CONTENT)]);
        let result = download(&server.agent(), &server.url("/file.gz"), &destination);
        (result, fs::read(partial(&destination)).unwrap_or_default(), server.ranges())
    }

    #[test]
    fn fetches_a_whole_file() {
        let (result, bytes, ranges) = run(Behaviour::Ranges, None);
        assert!(result.unwrap().ends_with("file.gz.part"));
        assert_eq!(bytes, CONTENT);
        assert_eq!(ranges, [""]);
    }

    #[test]
    fn goes_on_where_it_stopped() {
        let (result, bytes, ranges) = run(Behaviour::Ranges, Some(&CONTENT[..10]));
        result.unwrap();
        assert_eq!(bytes, CONTENT);
        assert_eq!(ranges, ["bytes=10-"]);
    }

    #[test]
    fn begins_again_where_the_server_knows_no_ranges() {
        let (result, bytes, _) = run(Behaviour::NoRanges, Some(b"something of another file"));
        result.unwrap();
        assert_eq!(bytes, CONTENT);
    }

    #[test]
    fn takes_what_is_complete_as_it_is_and_begins_again_with_more() {
        let (result, bytes, ranges) = run(Behaviour::Ranges, Some(CONTENT));
        result.unwrap();
        assert_eq!((bytes.as_slice(), ranges.len()), (CONTENT, 1));
        let longer = [CONTENT, b" eight"].concat();
        let (result, bytes, ranges) = run(Behaviour::Ranges, Some(&longer));
        result.unwrap();
        assert_eq!((bytes.as_slice(), ranges.len()), (CONTENT, 2));
    }

    #[test]
    fn keeps_what_came_before_the_connection_broke() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("file.gz");
        let server = Server::start(Behaviour::BreaksAfter(12), &[("/file.gz", CONTENT)]);
        let error = download(&server.agent(), &server.url("/file.gz"), &destination).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("after 12 bytes, expected 33") && message.contains("run the same command again"), "{message}");
        assert_eq!(fs::read(partial(&destination)).unwrap(), &CONTENT[..12]);
        for _ in 0..2 {
            let _ = download(&server.agent(), &server.url("/file.gz"), &destination);
        }
        assert_eq!(fs::read(partial(&destination)).unwrap(), CONTENT);
        assert_eq!(server.ranges(), ["", "bytes=12-", "bytes=24-"]);
    }

    #[test]
    fn names_url_and_status() {
        let server = Server::start(Behaviour::Ranges, &[]);
        let folder = tempfile::tempdir().unwrap();
        let error = download(&server.agent(), &server.url("/none.gz"), &folder.path().join("none.gz")).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("/none.gz: cannot download") && message.contains("404"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
