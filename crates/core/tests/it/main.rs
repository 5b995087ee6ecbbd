//! The wire types against what old versions said.

#[cfg(test)]
mod kept_answers;
