use kernel::Env;
use openidconnect::{RedirectUrl, url::Url};

use super::address::is_loopback;

/// Configuration of logins at identity providers.
#[derive(Debug)]
pub(crate) struct Config {
    pub(super) redirect: Option<RedirectUrl>,
    pub(super) may_be_private: bool,
    pub(super) may_be_plain: bool,
}

impl Config {
    /// Reads `NEXO_OIDC_REDIRECT_URL` and `NEXO_OIDC_ALLOW_PRIVATE`.
    pub(crate) fn read(env: &mut Env) -> Self {
        let production = env.production();
        Self {
            redirect: redirect(env, production),
            may_be_private: env.parsed("NEXO_OIDC_ALLOW_PRIVATE", !production),
            may_be_plain: !production,
        }
    }
}

fn redirect(env: &mut Env, production: bool) -> Option<RedirectUrl> {
    const NAME: &str = "NEXO_OIDC_REDIRECT_URL";
    let text = env.optional(NAME)?;
    let safe =
        |url: &Url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(url) && !production;
    let url = Url::parse(&text).ok().filter(safe);
    if url.is_none() {
        env.report(NAME, "is not the https:// address of the page that people come back to");
    }
    url.map(RedirectUrl::from_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Config, bool) {
        let mut env =
            Env::from_values(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let config = Config::read(&mut env);
        (config, env.finish().is_ok())
    }

    #[test]
    fn production_asks_public_addresses_over_https_alone() {
        let (config, good) = read(&[("NEXO_ENV", "production")]);
        assert!(good && !config.may_be_private && !config.may_be_plain && config.redirect.is_none());
        let (config, good) = read(&[]);
        assert!(good && config.may_be_private && config.may_be_plain);
    }

    #[test]
    fn the_return_address_uses_tls_or_loopback() {
        for (environment, url, taken) in [
            ("production", "https://app.acme.test/back", true),
            ("production", "http://127.0.0.1/back", false),
            ("development", "http://localhost:5173/back", true),
            ("development", "http://app.acme.test/back", false),
            ("development", "nonsense", false),
        ] {
            let (config, good) = read(&[("NEXO_ENV", environment), ("NEXO_OIDC_REDIRECT_URL", url)]);
            assert_eq!((config.redirect.is_some(), good), (taken, taken), "{environment} {url}");
        }
    }
}
