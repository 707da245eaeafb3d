//! Login messages against the examples of `auth-tls.md` §1–§3, and against damage.

use crate::capture::hex;
use aerospike_wire::{
    admin::{self, AdminBuilder, AdminMessage, Session, code, command},
    error::ErrorKind,
    frame::{FrameHeader, FrameType, HEADER_SIZE},
    result_code::ResultCode,
};
use proptest::{collection::vec, prelude::*};
use std::time::Duration;

/// bcrypt of "admin" under the fixed salt.
const CREDENTIAL: &[u8] = b"$2a$10$7EqJtq98hPqEX7fNZaFWoO1mVO/4MLpGzsqojz6E9Gef6iXDjXdDa";

/// `auth-tls.md` §2, the credential filled in.
#[test]
fn login_of_the_specification() {
    let mut expected = hex("02 02 00 00 00 00 00 5b
         00 00 14 02 00 00 00 00 00 00 00 00 00 00 00 00
         00 00 00 06 00 61 64 6d 69 6e
         00 00 00 3d 03");
    expected.extend_from_slice(CREDENTIAL);
    let mut bytes = Vec::new();
    admin::login_internal(&mut bytes, b"admin", CREDENTIAL);
    assert_eq!(bytes, expected);
}

/// The body of the one frame that `bytes` is.
fn body(bytes: &[u8]) -> &[u8] {
    let header = FrameHeader::parse(bytes).unwrap();
    let body = &bytes[HEADER_SIZE..];
    assert_eq!(header.kind, FrameType::Admin);
    assert_eq!(header.body_len as usize, body.len());
    body
}

/// Fields of the request that `encode` makes, as the server reads them.
fn fields(expected_command: u8, encode: impl FnOnce(&mut Vec<u8>)) -> Vec<(u8, Vec<u8>)> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    let message = AdminMessage::parse(body(&bytes)).unwrap();
    assert_eq!(message.command, expected_command);
    assert_eq!(message.result, ResultCode::OK);
    let owned = |field: aerospike_wire::field::Field<'_>| (field.kind, field.data.to_vec());
    message.fields().map(owned).collect()
}

#[test]
fn each_mode_sends_its_fields_and_no_others() {
    let user = || (code::USER, b"bob".to_vec());
    let credential = || (code::CREDENTIAL, CREDENTIAL.to_vec());
    let login = command::LOGIN;
    assert_eq!(
        fields(login, |out| admin::login_external(
            out, b"bob", CREDENTIAL, b"pw"
        )),
        [user(), credential(), (code::CLEAR_PASSWORD, b"pw".to_vec())]
    );
    assert_eq!(fields(login, admin::login_pki), []);
    let token = || (code::SESSION_TOKEN, vec![1, 2]);
    let authenticate = command::AUTHENTICATE;
    assert_eq!(
        fields(authenticate, |out| admin::authenticate(
            out,
            Some(b"bob"),
            &[1, 2]
        )),
        [user(), token()]
    );
    assert_eq!(
        fields(authenticate, |out| admin::authenticate(out, None, &[1, 2])),
        [token()]
    );
    assert_eq!(
        fields(authenticate, |out| {
            admin::authenticate_with_credential(out, b"bob", CREDENTIAL);
        }),
        [user(), credential()]
    );
}

/// What a Community server answers (`auth-tls.md` §2), and what a secured one does.
#[test]
fn replies() {
    let community = hex("02 02 00 00 00 00 00 10 00 33 0000 0000 0000 0000 0000 0000 0000");
    let message = AdminMessage::parse(body(&community)).unwrap();
    assert_eq!(message.result, ResultCode::SECURITY_NOT_SUPPORTED);
    assert_eq!(message.session(), Ok(None));

    let mut bytes = Vec::new();
    admin::reply(&mut bytes, command::LOGIN, ResultCode::INVALID_PASSWORD);
    assert_eq!(
        bytes,
        hex("02 02 00 00 00 00 00 10 00 3e 14 00 000000000000000000000000")
    );

    let check = |ttl: Option<Duration>| {
        let session = Session { token: b"tok", ttl };
        let mut bytes = Vec::new();
        admin::login_reply(&mut bytes, &session);
        let message = AdminMessage::parse(body(&bytes)).unwrap();
        assert_eq!(message.session(), Ok(Some(session)));
    };
    check(None);
    check(Some(Duration::from_secs(86_400)));
}

#[test]
fn a_ttl_of_zero_never_ends() {
    let mut bytes = Vec::new();
    AdminBuilder::new(&mut bytes, command::LOGIN, ResultCode::OK)
        .field(code::SESSION_TTL, &[0; 4])
        .field(code::SESSION_TOKEN, b"tok")
        .finish();
    let message = AdminMessage::parse(body(&bytes)).unwrap();
    assert_eq!(message.session().unwrap().unwrap().ttl, None);
}

#[test]
fn damage_is_named() {
    let check = |text: &str, kind: ErrorKind, offset: usize| {
        let bytes = hex(text);
        let error = AdminMessage::parse(&bytes).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (&kind, offset), "{text}");
    };
    let truncated = |what, needed, present| ErrorKind::Truncated {
        what,
        needed,
        present,
    };
    check("0000", truncated("admin message", 4, 2), 0);
    check("0000140000", truncated("admin message", 12, 1), 4);
    let head = "00001401 000000000000000000000000";
    check(head, truncated("admin field", 4, 0), 16);
    check(
        &format!("{head} 00000003 05 01"),
        truncated("admin field", 3, 2),
        20,
    );
    check(
        &format!("{head} 00000000"),
        ErrorKind::Size {
            what: "admin field",
            found: 0,
        },
        16,
    );

    let mut bytes = Vec::new();
    AdminBuilder::new(&mut bytes, command::LOGIN, ResultCode::OK)
        .field(code::SESSION_TOKEN, b"tok")
        .field(code::SESSION_TTL, &[1])
        .finish();
    let message = AdminMessage::parse(body(&bytes)).unwrap();
    assert_eq!(
        message.session().unwrap_err().kind(),
        &ErrorKind::Size {
            what: "session time to live",
            found: 1
        }
    );
}

#[test]
fn debug_shows_no_secret() {
    let mut bytes = Vec::new();
    admin::login_external(&mut bytes, b"bob", CREDENTIAL, b"hidden");
    let message = AdminMessage::parse(body(&bytes)).unwrap();
    let session = Session {
        token: b"hidden",
        ttl: None,
    };
    let shown = format!("{message:?} {session:?}");
    // 104 is the letter h: byte slices are shown as numbers.
    assert!(
        !shown.contains("hidden") && !shown.contains("104"),
        "{shown}"
    );
    assert!(shown.contains("command: 20"), "{shown}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(message) = AdminMessage::parse(&bytes) {
            prop_assert_eq!(message.fields().count(), usize::from(bytes[3]));
            let _ = message.session();
        }
    }

    #[test]
    fn fields_survive(
        command in any::<u8>(),
        sent in vec((any::<u8>(), vec(any::<u8>(), 0..30)), 0..8),
    ) {
        let received = fields(command, |out| {
            let mut message = AdminBuilder::new(out, command, ResultCode::OK);
            for (kind, data) in &sent {
                message.field(*kind, data);
            }
            message.finish();
        });
        prop_assert_eq!(received, sent);
    }
}
