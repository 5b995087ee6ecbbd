//! The page's files, as they were when the program was built. They are the same for everybody, and say nothing of this machine.

/// One of the page's files.
#[derive(Debug)]
pub(crate) struct File {
    /// What it is.
    pub(crate) media_type: &'static str,
    pub(crate) text: &'static str,
}

/// The page itself, at `/`.
pub(crate) const PAGE: File =
    File { media_type: "text/html; charset=utf-8", text: include_str!("page/index.html") };

/// What the page loads, by path.
pub(crate) const ASSETS: [(&str, File); 5] = [
    ("/view/style.css", File { media_type: "text/css; charset=utf-8", text: include_str!("page/style.css") }),
    ("/view/page.js", script(include_str!("page/page.js"))),
    ("/view/show.js", script(include_str!("page/show.js"))),
    ("/view/dom.js", script(include_str!("page/dom.js"))),
    ("/view/icon.svg", File { media_type: "image/svg+xml", text: include_str!("page/icon.svg") }),
];

const fn script(text: &'static str) -> File {
    File { media_type: "text/javascript; charset=utf-8", text }
}

/// What the page may do: load its own files and ask this daemon. Markup is never made of text.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
