//! Admin requests and replies for the raw client.

use crate::client::Client;
use aerospike_wire::{
    admin::{self, AdminBuilder, AdminMessage, code},
    frame::HEADER_SIZE,
    result_code::ResultCode,
};
use std::io::{Read, Write};

/// What clients send for the password `admin`.
pub(crate) const ADMIN: &[u8] = b"$2a$10$7EqJtq98hPqEX7fNZaFWoO1mVO/4MLpGzsqojz6E9Gef6iXDjXdDa";
/// What clients send for the password `secret`.
pub(crate) const SECRET: &[u8] = b"$2a$10$7EqJtq98hPqEX7fNZaFWoOu7NRZ0i7m5NbgPBEsHTCoJzZDEKQRb.";
/// What clients send for the empty password.
pub(crate) const EMPTY: &[u8] = b"$2a$10$7EqJtq98hPqEX7fNZaFWoOLCkFexA7A9eoJ0Ew.mTDdk.E60D.9zS";

/// Field types of user administration.
pub(crate) mod field {
    pub(crate) const ROLES: u8 = 10;
    pub(crate) const ROLE: u8 = 11;
    pub(crate) const PRIVILEGES: u8 = 12;
    pub(crate) const WHITELIST: u8 = 13;
    pub(crate) const READ_QUOTA: u8 = 14;
    pub(crate) const WRITE_QUOTA: u8 = 15;
    pub(crate) const READ_INFO: u8 = 16;
    pub(crate) const CONNECTIONS: u8 = 18;
}

/// An admin message of a reply, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) result: u8,
    pub(crate) command: u8,
    pub(crate) fields: Vec<(u8, Vec<u8>)>,
}

impl Answer {
    pub(crate) fn field(&self, kind: u8) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        fields
            .find(|(found, _)| *found == kind)
            .map(|(_, data)| data.as_slice())
    }

    pub(crate) fn text(&self, kind: u8) -> &str {
        str::from_utf8(self.field(kind).unwrap()).unwrap()
    }
}

/// A request.
pub(crate) fn request(command: u8, fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut message = AdminBuilder::new(&mut out, command, ResultCode::OK);
    for (kind, data) in fields {
        message.field(*kind, data);
    }
    message.finish();
    out
}

/// Names as a ROLES field has them.
pub(crate) fn names(names: &[&str]) -> Vec<u8> {
    let mut out = vec![u8::try_from(names.len()).unwrap()];
    for name in names {
        out.push(u8::try_from(name.len()).unwrap());
        out.extend_from_slice(name.as_bytes());
    }
    out
}

impl<S: Read + Write> Client<S> {
    /// The next admin message.
    pub(crate) fn answer(&mut self) -> Answer {
        let frame = self.frame().unwrap();
        assert_eq!(frame[..2], [2, 2]);
        let message = AdminMessage::parse(&frame[HEADER_SIZE..]).unwrap();
        Answer {
            result: message.result.0,
            command: message.command,
            fields: message
                .fields()
                .map(|f| (f.kind, f.data.to_vec()))
                .collect(),
        }
    }

    /// Sends an admin request that is answered with one message.
    pub(crate) fn admin(&mut self, command: u8, fields: &[(u8, &[u8])]) -> Answer {
        self.send(&request(command, fields));
        self.answer()
    }

    /// The items of a list.
    pub(crate) fn list(&mut self, command: u8, fields: &[(u8, &[u8])]) -> Vec<Answer> {
        self.send(&request(command, fields));
        let mut items = Vec::new();
        loop {
            let item = self.answer();
            assert_eq!(item.command, command);
            match item.result {
                0 => items.push(item),
                50 => return items,
                other => panic!("result {other}"),
            }
        }
    }

    /// Logs in; result and token.
    pub(crate) fn login(&mut self, user: &str, credential: &[u8]) -> (u8, Vec<u8>) {
        let fields: [(u8, &[u8]); 2] = [
            (code::USER, user.as_bytes()),
            (code::CREDENTIAL, credential),
        ];
        let answer = self.admin(admin::command::LOGIN, &fields);
        let token = answer.field(code::SESSION_TOKEN).unwrap_or_default();
        (answer.result, token.to_vec())
    }

    /// Shows a token; the result.
    pub(crate) fn authenticate(&mut self, user: &str, token: &[u8]) -> u8 {
        let fields: [(u8, &[u8]); 2] =
            [(code::USER, user.as_bytes()), (code::SESSION_TOKEN, token)];
        self.admin(admin::command::AUTHENTICATE, &fields).result
    }

    /// An info request; the body of the answer as it is.
    pub(crate) fn info_body(&mut self, command: &str) -> String {
        let mut request = Vec::new();
        aerospike_wire::info::request(&mut request, &[command]);
        self.send(&request);
        String::from_utf8(self.frame().unwrap()[HEADER_SIZE..].to_vec()).unwrap()
    }
}
