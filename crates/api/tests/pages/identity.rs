//! A real identity provider: `oidc-provider` from npm, a certified one, on a port of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::SignedDuration;
use privet_login::{ClientSecret, Provider, Settings};
use privet_vault::{OwnPages, SystemClock};

/// What it is told: whoever logs in is who they say, which is good enough for a test.
const SCRIPT: &str = r"
const [path, back, home] = process.argv.slice(1);
const { Provider } = await import(path);
const server = (await import('node:http')).createServer();
server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(issuer, {
        clients: [{
            client_id: 'privet', client_secret: 'hunter2', redirect_uris: [back], post_logout_redirect_uris: [home],
        }],
        cookies: { keys: ['a key of this test alone'] },
        pkce: { required: () => true },
        findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    });
    server.on('request', provider.callback());
    console.log(`listens as ${issuer}`);
});
";

/// A provider that ends with its test.
pub(crate) struct Identity {
    process: Child,
    issuer: String,
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Identity {
    /// One that knows the pages at this address; `None`: it is not installed.
    #[expect(clippy::print_stdout, reason = "whoever runs the tests has to know")]
    pub(crate) fn open(pages: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node_modules/oidc-provider");
        let library = folder.join("lib/index.js");
        if !library.exists() {
            println!("left out: oidc-provider is not installed (`./test` installs it)");
            return None;
        }
        let mut process = Command::new("node")
            .args(["--input-type=module", "-e", SCRIPT, "--"])
            .arg(library)
            .arg(format!("{pages}/me/login/back"))
            .arg(format!("{pages}/me/login"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`node` is missing: `./test` installs it");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, issuer) = line.split_once("listens as ")?;
            Some(issuer.to_owned())
        });
        // What it says further is nobody's business, but must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self {
            process,
            issuer: issuer.expect("the provider does not say where it listens"),
        })
    }

    /// The pages, for people who log in with it by their customer number.
    pub(crate) fn pages(&self, pages: &str) -> OwnPages {
        // As `main` does first; a second time changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let settings = Settings {
            name: "Shop".to_owned(),
            issuer: self.issuer.clone(),
            client_id: "privet".to_owned(),
            client_secret: Some(ClientSecret::new("hunter2".to_owned())),
            subject: "shop/customer:{sub}".parse().unwrap(),
            pages: pages.to_owned(),
            authorities: None,
        };
        // A provider has the machine's time.
        let provider = Provider::new(settings, Arc::new(SystemClock::start())).unwrap();
        OwnPages {
            provider: Arc::new(provider),
            looks_after: SignedDuration::ZERO,
        }
    }

    /// Whether an address is of this provider.
    pub(crate) fn is_at(&self, address: &str) -> bool {
        address.starts_with(&self.issuer)
    }
}
