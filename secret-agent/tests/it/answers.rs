//! What agents answer, and what is made of it.

use secret_agent::{ANSWER_BYTES, Encoding, Error, ErrorKind};

use crate::agent::{Answer, fetch, frame, json, settings, tcp};

fn ask(answer: Answer, encoding: Encoding) -> Result<String, Error> {
    let (address, running) = tcp(answer);
    let mut settings = settings(address);
    settings.encoding = encoding;
    let outcome = fetch(settings);
    running.request().unwrap();
    outcome
}

fn text(answer: &str) -> Result<String, Error> {
    ask(json(answer), Encoding::Text)
}

fn base64(value: &str) -> Result<String, Error> {
    let value = value.escape_default();
    ask(
        json(&format!("{{\"SecretValue\":\"{value}\"}}")),
        Encoding::Base64,
    )
}

fn kind(outcome: Result<String, Error>) -> ErrorKind {
    outcome.unwrap_err().kind().clone()
}

#[test]
fn values() {
    let cases = [
        (r#"{"SecretValue":"v"}"#, "v"),
        (r#"{"SecretValue":""}"#, ""),
        (r#"{"SecretValue":" a\nb\u00fc\"\\ "}"#, " a\nbü\"\\ "),
        (r#"{"SecretValue":"v","Error":""}"#, "v"),
        (r#"{"SecretValue":"v","Error":null,"More":[1]}"#, "v"),
        (" {\n\"SecretValue\" : \"v\" } \n", "v"),
    ];
    for (answer, expected) in cases {
        assert_eq!(text(answer).unwrap(), expected, "{answer}");
    }
}

#[test]
fn base64_values() {
    for value in ["aGVsbG8=", "aGVsbG8=\n", "  aGVs\r\nbG8=\r\n"] {
        assert_eq!(base64(value).unwrap(), "hello", "{value:?}");
    }
    assert_eq!(base64("").unwrap(), "");
    for value in ["hello", "aGVsbG8", "aGVs bG8=", "a"] {
        assert_eq!(kind(base64(value)), ErrorKind::NotBase64, "{value:?}");
    }
    assert_eq!(kind(base64("//79")), ErrorKind::NotText);
}

#[test]
fn refusals() {
    let refused = |message: &str| ErrorKind::Refused {
        message: message.to_owned(),
    };
    let cases = [
        (r#"{"Error":"no such key"}"#, "no such key"),
        (r#"{"Error":" a\nb\u001b[31m"}"#, "a\\nb\\u{1b}[31m"),
        (
            r#"{"SecretValue":"hidden","Error":"not today"}"#,
            "not today",
        ),
    ];
    for (answer, message) in cases {
        assert_eq!(kind(text(answer)), refused(message), "{answer}");
    }
    let long = "x".repeat(5000);
    let answer = format!("{{\"Error\":\"{long}\"}}");
    assert_eq!(kind(text(&answer)), refused(&"x".repeat(200)));
}

#[test]
fn answers_without_sense() {
    for answer in ["", "v", "\"v\"", "[]", "{", r#"{"SecretValue":1}"#, "{} x"] {
        assert_eq!(kind(text(answer)), ErrorKind::NotJson, "{answer}");
    }
    for answer in ["{}", r#"{"SecretValue":null}"#, r#"{"Error":""}"#] {
        assert_eq!(kind(text(answer)), ErrorKind::NoValue, "{answer}");
    }
    let not_utf8 = Answer::Bytes(frame(b"{\"SecretValue\":\"\xff\"}"));
    assert_eq!(kind(ask(not_utf8, Encoding::Text)), ErrorKind::NotJson);
}

#[test]
fn answers_that_are_cut() {
    let whole = frame(br#"{"SecretValue":"v"}"#);
    for cut in 0..whole.len() {
        let answer = Answer::Bytes(whole[..cut].to_vec());
        assert_eq!(
            kind(ask(answer, Encoding::Text)),
            ErrorKind::Truncated,
            "{cut}"
        );
    }
}

#[test]
fn answers_of_somebody_else() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"\x15\x03\x01\0\x02\x02\x32",
        b"\0\0\0\0",
    ] {
        let answer = Answer::Bytes(answer.to_vec());
        assert_eq!(kind(ask(answer, Encoding::Text)), ErrorKind::NotAnAgent);
    }
}

#[test]
fn answers_that_are_too_long_are_not_read() {
    let limit = ANSWER_BYTES;
    for found in [limit + 1, u32::MAX] {
        let mut answer = frame(b"");
        answer.splice(4.., found.to_be_bytes());
        let outcome = ask(Answer::Bytes(answer), Encoding::Text);
        assert_eq!(kind(outcome), ErrorKind::TooLong { found, limit });
    }
    // The longest one that is.
    let value = "v".repeat(usize::try_from(limit).unwrap() - 18);
    assert_eq!(
        text(&format!("{{\"SecretValue\":\"{value}\"}}")).unwrap(),
        value
    );
}

#[test]
fn errors_name_secret_and_agent_but_no_value() {
    let (address, running) = tcp(json(r#"{"SecretValue":"hunter2","SecretValue":"hunter2"}"#));
    let error = fetch(settings(address)).unwrap_err();
    running.request().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot get secrets:res1:key1 from the Secret Agent at {address}: \
             its answer cannot be understood"
        )
    );
    assert!(!format!("{error:?}").contains("hunter2"));
    let outcome = base64("hunter2!").unwrap_err();
    assert!(!format!("{outcome} {outcome:?}").contains("hunter2"));
}
