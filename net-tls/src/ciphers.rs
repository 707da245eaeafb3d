//! Cipher suites by the names that OpenSSL gives them (`cli.md` §4).

use crate::{error::Error, protocols::Protocols, provider};
use rustls::{CipherSuite, SupportedCipherSuite, crypto::CryptoProvider};
use std::{str::FromStr, sync::Arc};

/// Suites to offer, in the order of preference. Empty (the default) = all that ring has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ciphers(Vec<CipherSuite>);

/// OpenSSL's name, the name in the standards, the suite.
const SUITES: [(&str, &str, CipherSuite); 9] = [
    (
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

impl FromStr for Ciphers {
    type Err = Error;

    /// Names between `:`, `,` or blanks, OpenSSL's or those of the standards, in capitals. Class
    /// words such as `HIGH` and exclusions such as `!aNULL` are not names: every suite here is
    /// among what they would choose, and what they exclude does not exist.
    ///
    /// # Errors
    /// A word that is not the name of a suite.
    fn from_str(text: &str) -> Result<Self, Error> {
        let words = text.split([':', ',', ' ']).filter(|word| !word.is_empty());
        words.map(suite).collect::<Result<_, _>>().map(Self)
    }
}

fn suite(word: &str) -> Result<CipherSuite, Error> {
    let found = SUITES
        .iter()
        .find(|(openssl, standard, _)| *openssl == word || *standard == word);
    found.map(|(_, _, suite)| *suite).ok_or_else(|| {
        let names: Vec<_> = SUITES.iter().map(|(name, _, _)| *name).collect();
        Error::UnknownCipher {
            word: word.to_owned(),
            known: names.join(", "),
        }
    })
}

impl Ciphers {
    /// ring with these suites. As with OpenSSL, a list that names no suite of a version leaves
    /// that version's as they are when it is 1.3, and switches it off when it is 1.2.
    pub(crate) fn provider(&self, protocols: Protocols) -> Result<Arc<CryptoProvider>, Error> {
        let mut provider = provider();
        if !self.0.is_empty() {
            provider.cipher_suites = self.chosen(&provider.cipher_suites);
        }
        let versions = protocols.versions();
        let usable = |suite: &SupportedCipherSuite| {
            versions.iter().any(|version| suite.version() == *version)
        };
        if !provider.cipher_suites.iter().any(usable) {
            let protocols = protocols.to_string();
            return Err(Error::NoCipher { protocols });
        }
        Ok(Arc::new(provider))
    }

    fn chosen(&self, all: &[SupportedCipherSuite]) -> Vec<SupportedCipherSuite> {
        let by_name = |name| all.iter().find(|suite| suite.suite() == name).copied();
        let mut chosen: Vec<_> = self.0.iter().copied().filter_map(by_name).collect();
        if !chosen.iter().any(|suite| suite.tls13().is_some()) {
            let tls13 = all.iter().filter(|suite| suite.tls13().is_some());
            chosen.extend(tls13.copied());
        }
        chosen
    }
}
