//! The `ocm` program: arguments in, a verb of the library, its report printed out.

mod args;
mod print;

fn main() {}
