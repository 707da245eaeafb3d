//! The server's side of the messages: what an embedded node sends back.
