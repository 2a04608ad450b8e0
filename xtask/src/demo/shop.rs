//! Serves the shop of `examples/web`: its files as they are, but for the tracker's address and key in the HTML.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use tiny_http::Request;

use super::collector::Collector;
use super::server::Server;
use crate::tree;

/// An open shop.
pub(super) struct Shop {
    /// Its first page.
    pub(super) url: String,
    _server: Server,
}

impl Shop {
    /// Opens it, with the tracker of this collector.
    pub(super) fn open(edge: &Collector) -> Result<Self> {
        let pages = Pages {
            folder: tree::root().join("examples/web"),
            host: edge.url.clone(),
            write_key: edge.public_key.clone(),
        };
        let server = Server::listen(move |request| pages.answer(request))?;
        Ok(Self { url: format!("{}/", server.url), _server: server })
    }
}

struct Pages {
    folder: PathBuf,
    host: String,
    write_key: String,
}

impl Pages {
    fn answer(&self, request: Request) {
        let path = request.url().split('?').next().unwrap_or_default().trim_start_matches('/').to_owned();
        let answered = match self.page(if path.is_empty() { "index.html" } else { &path }) {
            Some((bytes, media_type)) => send(request, "200 OK", media_type, &bytes),
            None => send(request, "404 Not Found", "text/plain", b"There is no such page."),
        };
        // A visitor who left before the answer is no fault of the shop.
        drop(answered);
    }

    /// Files of the one folder, found by name: no path can lead out of it.
    fn page(&self, name: &str) -> Option<(Vec<u8>, &'static str)> {
        let media_type = media_type(Path::new(name))?;
        let file = fs::read_dir(&self.folder).ok()?.filter_map(Result::ok).find(|entry| entry.file_name() == name)?;
        let bytes = fs::read(file.path()).ok()?;
        if media_type.starts_with("text/html") {
            let html = String::from_utf8_lossy(&bytes);
            let html = html.replace("https://collector.example", &self.host).replace("pk_your_key", &self.write_key);
            return Some((html.into_bytes(), media_type));
        }
        Some((bytes, media_type))
    }
}

fn media_type(file: &Path) -> Option<&'static str> {
    match file.extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// Ends the connection with the answer. `tiny_http` may hand a new connection to a thread that still waits on an older
/// one: as long as a browser keeps those open, some of a page's pictures would never come.
fn send(request: Request, status: &str, media_type: &str, bytes: &[u8]) -> io::Result<()> {
    let mut writer = request.into_writer();
    write!(writer, "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n", bytes.len())?;
    writer.write_all(b"connection: close\r\n\r\n")?;
    writer.write_all(bytes)?;
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let shop = pages();
        for path in ["../../Cargo.toml", "/etc/passwd", "walk.mjs", ".", ""] {
            assert!(shop.page(path).is_none(), "{path}");
        }
    }

    #[test]
    fn every_page_carries_the_address_and_the_key() {
        let shop = pages();
        for page in ["index.html", "product.html", "basket.html", "account.html"] {
            let (bytes, _) = shop.page(page).unwrap();
            let html = String::from_utf8(bytes).unwrap();
            let tag = r#"<script async src="http://127.0.0.1:7/selvedge.js" data-write-key="pk_test"></script>"#;
            assert!(html.contains(tag), "{page}");
        }
    }

    fn pages() -> Pages {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/web");
        Pages { folder, host: "http://127.0.0.1:7".to_owned(), write_key: "pk_test".to_owned() }
    }
}
