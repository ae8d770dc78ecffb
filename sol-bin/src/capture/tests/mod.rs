//! Whole files, made here packet by packet, and what is read from them.

mod connections;
mod files;
mod holes;
mod links;
mod making;
mod reassembly;
mod resets;
mod strays;
mod wire;
