//! Every form of a key gives the bytes that the established tools hash.

use backup_envelope::{EnvRule, KeyBytes, KeyError, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::tools::hex;
use crate::vectors::{PKCS8, SEC1};

const PKCS1_SHA: &str = "c37ca936db195a2491c722834ba1e05fcda3b77d453099f102d159af50395c18";
const PKCS8_SHA: &str = "4d957dcf889980d5166d3b95f07a65ee00e02eb0b2059e309e04f08e1677da58";
const TEXT_SHA: &str = "375703ac890131671c07d7627e20e07bca5a56603f06bbe7dfdca9cf5666c588";
const SEC1_SHA: &str = "7d4278e3f60231799041698d3ea504c65c6b32ff2cfa8bf27ed9d35a2e7d3b1e";

/// Compares key bytes by the key they make, in both sizes.
fn check(bytes: Result<KeyBytes, KeyError>, sha: &str) {
    let bytes = bytes.unwrap();
    assert_eq!(bytes.key(KeySize::Aes256).expose_bytes(), hex(sha));
    assert_eq!(bytes.key(KeySize::Aes128).expose_bytes(), &hex(sha)[..16]);
}

fn pkcs8() -> Vec<u8> {
    STANDARD.decode(PKCS8).unwrap()
}

fn pkcs1() -> Vec<u8> {
    pkcs8().split_off(pkcs8().len() - 608)
}

/// PEM with lines of 64 characters and this line end.
fn pem(label: &str, der: &[u8], line_end: &str) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    let body = lines.join(line_end);
    format!("-----BEGIN {label}-----{line_end}{body}{line_end}-----END {label}-----{line_end}")
}

fn env(value: &str) -> Result<KeyBytes, KeyError> {
    KeyBytes::environment(value, EnvRule::Key)
}

#[test]
fn rsa_files() {
    for line_end in ["\n", "\r\n"] {
        let file = |label, der: &[u8]| KeyBytes::pem_file(pem(label, der, line_end).as_bytes());
        check(file("PRIVATE KEY", &pkcs8()), PKCS1_SHA);
        check(file("RSA PRIVATE KEY", &pkcs1()), PKCS1_SHA);
    }
    let one_line = format!("-----BEGIN PRIVATE KEY-----\n{PKCS8}\n-----END PRIVATE KEY-----");
    check(KeyBytes::pem_file(one_line.as_bytes()), PKCS1_SHA);
    let with_text = format!("Key of the backups\n{}", pem("PRIVATE KEY", &pkcs8(), "\n"));
    check(KeyBytes::pem_file(with_text.as_bytes()), PKCS1_SHA);
}

#[test]
fn rsa_variables_of_every_form() {
    let text = pem("PRIVATE KEY", &pkcs8(), "\n");
    let values = [
        PKCS8.to_owned(),
        format!("  {PKCS8}\n"),
        STANDARD.encode(pkcs1()),
        STANDARD.encode(PKCS8),
        STANDARD.encode(STANDARD.encode(pkcs1())),
        STANDARD.encode(&text),
        text.clone(),
        text.replace('\n', " "),
        text.replace('\n', ""),
        pem("RSA PRIVATE KEY", &pkcs1(), "\n").replace('\n', ""),
        format!("{}\n{}", &PKCS8[..64], &PKCS8[64..]),
    ];
    for value in values {
        check(env(&value), PKCS1_SHA);
        check(KeyBytes::secret(&value), PKCS1_SHA);
    }
}

#[test]
fn raw_variables_are_hashed_as_they_are() {
    let raw = |value: &str| KeyBytes::environment(value, EnvRule::Raw);
    check(raw(PKCS8), PKCS8_SHA);
    check(raw(&STANDARD.encode(pkcs1())), PKCS1_SHA);
    check(raw("bm90IGEgcmVhbCBrZXksIGp1c3QgYnl0ZXM=\n"), TEXT_SHA);
    assert_eq!(raw("-----BEGIN").unwrap_err(), KeyError::Base64);
    assert_eq!(raw(" ").unwrap_err(), KeyError::Empty);
}

/// PKCS#8 of the EC key as OpenSSL writes it: the curve outside, the public key inside.
fn ec_pkcs8() -> Vec<u8> {
    let sec1 = hex(SEC1);
    let mut out = hex("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b");
    out.extend(&sec1[2..39]);
    out.extend(&sec1[51..]);
    out
}

#[test]
fn ec_files_give_sec1() {
    let file = |label, der: &[u8]| KeyBytes::pem_file(pem(label, der, "\n").as_bytes());
    check(file("EC PRIVATE KEY", &hex(SEC1)), SEC1_SHA);
    check(file("PRIVATE KEY", &ec_pkcs8()), SEC1_SHA);
    let parameters = pem("EC PARAMETERS", &hex("06082a8648ce3d030107"), "\n");
    let both = parameters + &pem("EC PRIVATE KEY", &hex(SEC1), "\n");
    check(KeyBytes::pem_file(both.as_bytes()), SEC1_SHA);
}

#[test]
fn ec_without_its_public_part_is_refused() {
    let mut der = hex(SEC1)[2..51].to_vec();
    der.splice(..0, [0x30, 49]);
    let file = pem("EC PRIVATE KEY", &der, "\n");
    let error = KeyBytes::pem_file(file.as_bytes()).unwrap_err();
    assert_eq!(error, KeyError::NoPublicPart);
}

#[test]
fn ed25519_files_give_pkcs8() {
    let mut der = hex("302e020100300506032b657004220420");
    der.extend([7; 32]);
    let expected = KeyBytes::raw(&der).unwrap().key(KeySize::Aes256);
    let found = KeyBytes::pem_file(pem("PRIVATE KEY", &der, "\n").as_bytes()).unwrap();
    assert_eq!(
        found.key(KeySize::Aes256).expose_bytes(),
        expected.expose_bytes()
    );
}

#[test]
fn what_is_no_key_is_refused_with_the_reason() {
    let file = |text: &str| KeyBytes::pem_file(text.as_bytes()).unwrap_err();
    let dsa = "308183020100300906072a8648ce3804010473";
    let dsa = [hex(dsa), vec![0; 115]].concat();
    let cases = [
        (file(""), KeyError::Empty),
        (file("\n \n"), KeyError::Empty),
        (file("hello"), KeyError::NoPrivateKey),
        (file(PKCS8), KeyError::NoPrivateKey),
        (
            file(&pem("CERTIFICATE", b"xyz", "\n")),
            KeyError::NoPrivateKey,
        ),
        (file("-----BEGIN PRIVATE KEY-----\nMII\n"), KeyError::Pem),
        (
            file("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n"),
            KeyError::Pem,
        ),
        (file(&pem("PRIVATE KEY", b"xyz", "\n")), KeyError::Der),
        (file(&pem("RSA PRIVATE KEY", &pkcs8(), "\n")), KeyError::Der),
        (
            file(&pem("ENCRYPTED PRIVATE KEY", b"xyz", "\n")),
            KeyError::Protected,
        ),
        (
            file(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n\
                 -----END RSA PRIVATE KEY-----\n",
            ),
            KeyError::Protected,
        ),
        (file(&pem("PRIVATE KEY", &dsa, "\n")), KeyError::Algorithm),
        (env("").unwrap_err(), KeyError::Empty),
        (env(" \n").unwrap_err(), KeyError::Empty),
        (env("no base64!").unwrap_err(), KeyError::Base64),
        (
            env("bm90IGEgcmVhbCBrZXksIGp1c3QgYnl0ZXM=").unwrap_err(),
            KeyError::NotRsa,
        ),
        (
            env(&STANDARD.encode(ec_pkcs8())).unwrap_err(),
            KeyError::NotRsa,
        ),
    ];
    for (index, (found, expected)) in cases.into_iter().enumerate() {
        assert_eq!(found, expected, "case {index}");
    }
}

#[test]
fn nothing_of_a_key_is_shown() {
    let bytes = KeyBytes::raw(b"secret").unwrap();
    assert_eq!(format!("{bytes:?}"), "KeyBytes(hidden)");
    let key = bytes.key(KeySize::Aes256);
    assert_eq!(format!("{key:?}"), "Key(AES-256, hidden)");
}
