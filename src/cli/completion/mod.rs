//! Completion at the prompt: the shell asks this binary what could come next.

mod answer;
mod install;
mod names;
mod scripts;
mod taken;
mod words;

pub(crate) use answer::{answer_shell, program};
pub(crate) use install::{autocomplete, place};
pub(crate) use scripts::{Shell, registration};
