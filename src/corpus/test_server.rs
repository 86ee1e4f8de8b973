//! An HTTP server on the loopback interface, as good and as bad as a test wants it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::download;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Sends the range that is asked for.
    Ranges,
    /// Always sends everything.
    NoRanges,
    /// Ranges, but hangs up when so many bytes of the body were sent.
    BreaksAfter(usize),
}

pub struct Server {
    address: SocketAddr,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves until the test's process ends.
    pub fn start(behaviour: Behaviour, files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let files: HashMap<String, Vec<u8>> = files.iter().map(|(path, bytes)| (path.to_string(), bytes.to_vec())).collect();
        let log = Arc::clone(&ranges);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that hangs up is the test's affair.
                let _ = answer(stream, behaviour, &files, &log);
            }
        });
        Self { address, ranges }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The real client, past any proxy.
    pub fn agent(&self) -> ureq::Agent {
        ureq::Agent::new_with_config(download::settings().proxy(None).build())
    }

    /// `Range` of each request so far, empty where there was none.
    pub fn ranges(&self) -> Vec<String> {
        self.ranges.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    behaviour: Behaviour,
    files: &HashMap<String, Vec<u8>>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (mut path, mut range) = (String::new(), String::new());
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some(value) = line.to_lowercase().strip_prefix("range: ") {
            range = value.to_owned();
        } else if line.is_empty() {
            break;
        }
    }
    log.lock().unwrap().push(range.clone());
    let Some(bytes) = files.get(&path) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let size = bytes.len();
    let from: Option<usize> = range.strip_prefix("bytes=").and_then(|range| range.trim_end_matches('-').parse().ok());
    let (status, headers, body) = match from.filter(|_| behaviour != Behaviour::NoRanges) {
        Some(from) if from >= size => ("416 Range Not Satisfiable", format!("Content-Range: bytes */{size}\r\n"), &[][..]),
        Some(from) => ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{size}\r\n", size - 1), &bytes[from..]),
        None => ("200 OK", String::new(), &bytes[..]),
    };
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    let sent = match behaviour {
        Behaviour::BreaksAfter(limit) => body.len().min(limit),
        _ => body.len(),
    };
    stream.write_all(&body[..sent])
}
