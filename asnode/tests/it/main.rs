//! The node as its clients meet it: over sockets, byte by byte.

#[cfg(test)]
mod access;
#[cfg(test)]
mod accounts;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod alternate;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod breaks;
#[cfg(test)]
mod client;
#[cfg(test)]
mod config;
#[cfg(test)]
mod enterprise;
#[cfg(test)]
mod expression;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod generations;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod info;
#[cfg(test)]
mod load;
#[cfg(test)]
mod python;
#[cfg(test)]
mod query;
#[cfg(test)]
mod record;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod security;
#[cfg(test)]
mod skew;
#[cfg(test)]
mod throughput;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod xdr;
