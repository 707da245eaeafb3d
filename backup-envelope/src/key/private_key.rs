//! DER of private keys, turned into the form whose bytes are hashed.

use pkcs1::RsaPrivateKeyRef;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::der::{Decode, Encode};
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use crate::error::KeyError;

/// RSA as in PKCS#1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Elliptic curves as in SEC1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// X25519, X448, Ed25519, Ed448 (RFC 8410): OpenSSL has no older form for them than PKCS#8.
const MODERN: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("1.3.101.110"),
    ObjectIdentifier::new_unwrap("1.3.101.111"),
    ObjectIdentifier::new_unwrap("1.3.101.112"),
    ObjectIdentifier::new_unwrap("1.3.101.113"),
];

type Der = Zeroizing<Vec<u8>>;

/// Key bytes of a PKCS#8 key of any supported algorithm.
pub(crate) fn pkcs8(der: &[u8]) -> Result<Der, KeyError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| KeyError::Der)?;
    match info.algorithm.oid {
        RSA => pkcs1(info.private_key.as_bytes()),
        EC => ec(info.private_key.as_bytes(), Some(&info.algorithm)),
        oid if MODERN.contains(&oid) => encode(&PrivateKeyInfoRef {
            // Only the first version is what OpenSSL writes again.
            public_key: None,
            ..info
        }),
        _ => Err(KeyError::Algorithm),
    }
}

/// Key bytes of an RSA key in PKCS#1 form: these bytes.
pub(crate) fn pkcs1(der: &[u8]) -> Result<Der, KeyError> {
    RsaPrivateKeyRef::from_der(der).map_err(|_| KeyError::Der)?;
    Ok(Zeroizing::new(der.to_vec()))
}

/// Key bytes of an EC key in SEC1 form.
pub(crate) fn sec1(der: &[u8]) -> Result<Der, KeyError> {
    ec(der, None)
}

/// Key bytes of DER that must be an RSA key: PKCS#8 first, PKCS#1 second.
pub(crate) fn rsa(der: &[u8]) -> Result<Der, KeyError> {
    match PrivateKeyInfoRef::from_der(der) {
        Ok(info) if info.algorithm.oid == RSA => pkcs1(info.private_key.as_bytes()),
        Ok(_) => Err(KeyError::NotRsa),
        Err(_) => pkcs1(der).map_err(|_| KeyError::NotRsa),
    }
}

/// The SEC1 form with curve and public key, which PKCS#8 keeps elsewhere or leaves out.
fn ec(der: &[u8], algorithm: Option<&AlgorithmIdentifierRef<'_>>) -> Result<Der, KeyError> {
    let mut key = EcPrivateKey::from_der(der).map_err(|_| KeyError::Der)?;
    if let Some(parameters) = algorithm.and_then(|algorithm| algorithm.parameters) {
        // Curves that are spelled out instead of named are not supported.
        let curve = parameters.decode_as().map_err(|_| KeyError::Algorithm)?;
        key.parameters = Some(EcParameters::NamedCurve(curve));
    }
    if key.parameters.is_none() {
        return Err(KeyError::Der);
    }
    if key.public_key.is_none() {
        return Err(KeyError::NoPublicPart);
    }
    encode(&key)
}

fn encode(key: &impl Encode) -> Result<Der, KeyError> {
    key.to_der().map(Zeroizing::new).map_err(|_| KeyError::Der)
}
