//! The vectors of envelope.md §7, both ways and cut everywhere.

use backup_envelope::{Compression, Decoder, EnvRule, Iv, Key, KeyBytes, KeySize};

use crate::tools::{V, decode, decode_with, encode, hex, reading, writing};

/// Plaintext of all vectors, 110 bytes.
pub(crate) const PLAIN: &[u8] = b"Version 3.1\n\
     # namespace test\n\
     # first-file\n\
     + n test\n\
     + d AAECAwQFBgcICQoLDA0ODxAREhM=\n\
     + g 1\n\
     + t 0\n\
     + b 1\n\
     - I a 1\n";

/// PKCS#8 DER of the RSA key of the document, in base64.
pub(crate) const PKCS8: &str = "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAKBVbFYvvcuYc82r\
     4zm50FbN3XPXTAHfcXEB4skv9hrPeHiq2NHnZPm+RdlIIlBXxJHn+jk1rAzhLWuQ\
     4nPQfRmZrh/6wCxx+4/5LoJacU1Gud1IKzs6UzXZime6uyaotQcpaMOZ9S4uxVxZ\
     JHkRk0c6whMbDTaE5Pvl4l71O0XDAgMBAAECgYBavd3xrVVqe97WgTi5u/s4lYyG\
     +kuvJ6nJfnq+yKEtrUwOZwsNSTuxyMk5XwTkmbfLqBHK/SBhrbOKFFbFmzKhO/oG\
     C37IQZ+Lm4RqwBK9c3Ce+VbCtwH0E0KbMVe7gvPrl4ljJUKfa/S2WCglrtuaMv9h\
     FtfNRDSp/rJJq4on2QJBANOK+8F/Qxf0sdWbwL1oM0/yEog0q3yZpIGHzAE3P3Jz\
     kaGnB2AfYFW0aWB258J1kYdhQCZlhbYm3ESwzvwO4R0CQQDCB2G5KV0iyPgxgE/9\
     gCnJ9W6DNswpjmVAsNL0UgDMs4faEAa1DN64G8a0ByKfXrDw7P657VnpfPmHSCEU\
     u+xfAkB9eCbAatIJqGm974aPEPm2Rjb1sH+yBJMM/NVkNzebk65h+eam/ZUu4DXM\
     MFpf/UmWyXi6DWcUVdI5r8DkwZKFAkEAjLDPknTE3PE+zp4M4nMpWhEGJkz4s3VW\
     RBczkAdaHxRbAKq4QlXntTYm2emGmGsQAFLIzcameKCvSwHpQuCVHwJAau9f4beY\
     gQ6odtIw7jxvzA5lSl5u8daQ/16t+4vf88/utezTz7KVSjKB05/Ejva4K6A9BS33\
     JukHu6yeq5K1Hw==";

const RSA_128: &str = "b923bf7c0123d480e656fd73c63b250c89f84d55140dc0701f34beb94270e5ead6c5282de8abe49454aa2f81454e6e3c\
     0967892d735afb52ec6cd6fa132938c284f838ce14dca301e34a9f924a279b2d756c0498245b1467fd0749088e159dc8\
     d02a5e5f665a8033e1cd79b7ff0ea34510c8a78e22ce214b5d216e8aee44";

const RSA_256: &str = "9ddd3fd86267cb958925b2d202bdcc198bbb407d5c3fe55e0ed872d40762559ce1487dc336f1cd2d2d1c6b88b764b054\
     eb2fb7f6b61920027ece3008dd2764d96568af02159426c8b90f706430d2824c2b122ae1cf262dccae81a9953bc674ca\
     b09a907a16e0b8b963679d5ace35ad6dbbe0958deabed813cc198a40be7d";

const RAW_PKCS8_128: &str = "b01f85071d7c3b9bb34f0d5a234e0f3e56dbe95579342497a607dcc12f738d84104e40526f07c35715ad417ff00c6cf0\
     c792b00b9a516168e6a9f3aa93d80054e51e2d369cf2192b10e85cc900b59ddc98de37d64efd376972d046c38694555f\
     6f98f7d051f8f1204bfd3178a153ccc99c136236c3d301b09280c29ddc04";

const RAW_TEXT_128: &str = "f91e1efcbe2f33daf24091a5d7c68e4460fc53a97cad7e8fedfee5a7fdd872eaee56aba6fa73b06aeac7b53a16c392b9\
     30057ca90b8275173ce8212fffff9c28086d62100c5ad76715aa900a45a70b1cc6364e2036b609adc738339b53aed68c\
     ce5a5b7e5f46bda5892345747ba035e536f6d5061b4f7d4f5bf8f43f478f";

const EC_128: &str = "50802f6e34243bedbbfc23c0bda7e09b6861a4c185dd95238d87535d1861ca196a77a4d614eb470ec511acc852008cdf\
     19f2a783373c45908eab1c9a68e9280df76de0ed55f0290ae79046399bfd9ed9fb9228a2345f6f660bf11a16c605671b\
     ea88444e9e42e5eb43797ae8e3721d43c179af118d6c1f5ca9c89b80a83f";

const FRAME: &str = "28b52ffd206e45030082c6171d608d3aa06ef8bdbd7d829cccb8d8214161905afc09de72382478287002ceaf3f579c57\
     1cbdfc1d9d9f8e1618180e4223cd61d1a64041cc134d03020451c651fde2d88ede069394e72a263df173fbbed17ab875\
     acf6c40908bc51cc559b080100cd619601";

const FRAME_RSA_128: &str = "b923bf7c0123d480e656fd73c63b250cf72810db5d0ceb532c9849a47c3006b11bcea3e034b50328ec7784d40e0cde00\
     9c1c242b6618ea16f9643375425ed0f0eb31cef8a9270d56ba17d2911ebbbcbeb44f0c1766795b21b866c01d0bb61703\
     6661f0c1aa50c12e21b4a9295a542b3a971e01a71b785da7419a07abdf8374b829";

const FRAME_RSA_256: &str = "9ddd3fd86267cb958925b2d202bdcc19f56b1df3153ece7d3d7485c93922b6c72c43f60eeaef2a9195c1c0ddfc260068\
     7e541af0a35b31466bc6d5878c508ceb0aa15934a86f889fe0523d67644ea5dfea31226e8d04628aebe02080be65fe01\
     06d13ee4daeaf9a4a31e4dc46b6f25123c3633a4d308a4ffd0a2e3618fba68a575";

/// SEC1 DER of the EC key of the document.
pub(crate) const SEC1: &str = "3077020101042023693bb764677cdcbca53e14435cf1dfd33183f8bcebd5d9a700f43686419ebba00a06082a8648ce3d\
     030107a14403420004a50092cf3ec4fcdba9de210c484e8271dfeed97a9e94314fdef90238a5c4e9754e180946bdad3c\
     2b21ffd1748c1a8f31fb42ecffd357c2b4d523a4b724880f13";

/// The RSA key as both tools use it.
pub(crate) fn rsa(size: KeySize) -> Key {
    KeyBytes::environment(PKCS8, EnvRule::Key)
        .unwrap()
        .key(size)
}

fn raw_pkcs8() -> Key {
    let bytes = KeyBytes::environment(PKCS8, EnvRule::Raw).unwrap();
    bytes.key(KeySize::Aes128)
}

fn raw_text() -> Key {
    let base64 = "bm90IGEgcmVhbCBrZXksIGp1c3QgYnl0ZXM=";
    let bytes = KeyBytes::environment(base64, EnvRule::Raw).unwrap();
    bytes.key(KeySize::Aes128)
}

fn ec() -> Key {
    KeyBytes::raw(&hex(SEC1)).unwrap().key(KeySize::Aes128)
}

/// Reads a vector whole, in pieces of every size, with room for one byte and for all.
fn check_reading(file: &[u8], key: &Option<Key>, compression: Compression) {
    let read = |pieces: &[&[u8]], room| {
        let decoder = Decoder::new(reading(compression, key.clone()));
        let (text, end) = decode_with(decoder, pieces, room);
        assert_eq!(end, Ok(true), "{} pieces, room {room}", pieces.len());
        assert!(text == PLAIN, "{} pieces, room {room}", pieces.len());
    };
    for room in [1, 7, 4096] {
        for size in 1..file.len() {
            read(&file.chunks(size).collect::<Vec<_>>(), room);
        }
        for cut in 0..=file.len() {
            read(&[&file[..cut], &file[cut..]], room);
        }
    }
}

/// Writes the plaintext in two pieces, cut everywhere, and expects the vector.
fn check_writing(file: &[u8], key: &Key) {
    for cut in 0..=PLAIN.len() {
        let options = writing(None, Some(key.clone()));
        assert!(
            encode(options, &[&PLAIN[..cut], &PLAIN[cut..]]) == file,
            "{cut}"
        );
    }
}

#[test]
fn encrypted_both_ways() {
    let vectors = [
        (RSA_128, rsa(KeySize::Aes128)),
        (RSA_256, rsa(KeySize::Aes256)),
        (RAW_PKCS8_128, raw_pkcs8()),
        (RAW_TEXT_128, raw_text()),
        (EC_128, ec()),
    ];
    for (file, key) in vectors {
        let file = hex(file);
        assert_eq!(file.len(), 126);
        check_writing(&file, &key);
        check_reading(&file, &Some(key), Compression::Detect);
    }
}

#[test]
fn compressed_and_both() {
    let vectors = [
        (FRAME, None),
        (FRAME_RSA_128, Some(rsa(KeySize::Aes128))),
        (FRAME_RSA_256, Some(rsa(KeySize::Aes256))),
    ];
    for (file, key) in vectors {
        check_reading(&hex(file), &key, Compression::Detect);
        check_reading(&hex(file), &key, Compression::Zstd);
    }
}

#[test]
fn what_is_compressed_here_reads_as_the_text() {
    for level in [-7, -1, 0, 3, 19, 22] {
        for key in [None, Some(rsa(KeySize::Aes256))] {
            let file = encode(writing(Some(level), key.clone()), &[PLAIN]);
            assert_eq!(
                decode(reading(Compression::Zstd, key), &file).unwrap(),
                PLAIN
            );
        }
    }
}

#[test]
fn the_counter_wraps() {
    let cases = [
        (
            KeySize::Aes128,
            "257a749e57a4a912eccbb7afc36794af29cb750d90931954e46aa98a06176a44\
             52fdb46ea7e96bbef26a3beb670593cc",
        ),
        (
            KeySize::Aes256,
            "1597a57f1fbb3aa4930b2445af4fc86cf949d8b2d5a6a977de43eb8b833abbda\
             ea12cc7b4554f1b5c6336713b0a7fa0d",
        ),
    ];
    for (size, head) in cases {
        let mut options = writing(None, None);
        options.encryption = Some((rsa(size), Iv::new([0xff; 16])));
        assert_eq!(encode(options, &[PLAIN])[..48], hex(head));
    }
}

#[test]
fn headers_give_their_start() {
    for (file, size) in [(RSA_128, KeySize::Aes128), (RSA_256, KeySize::Aes256)] {
        let header = *hex(file).first_chunk().unwrap();
        assert_eq!(Iv::from_header(&rsa(size), header), Iv::new(V));
        assert_eq!(Iv::new(V).header(&rsa(size)), header);
    }
}
