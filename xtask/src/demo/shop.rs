//! Serves the shop of `examples/web`: its files as they are, but for the tracker's address and key in the HTML.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tiny_http::{Header, Request, Response};

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
            Some((bytes, media_type)) => request.respond(with_type(Response::from_data(bytes), media_type)),
            None => request.respond(Response::from_string("There is no such page.").with_status_code(404)),
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

fn with_type(response: Response<std::io::Cursor<Vec<u8>>>, media_type: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    match Header::from_bytes("content-type", media_type) {
        Ok(header) => response.with_header(header),
        Err(()) => response,
    }
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
