//! What a job asks for. Pure.

use bytes::Bytes;

use crate::model::decode::{DecodeError, Options, from_json_slice_with};
use crate::model::remote_exec::{Call, Job};

/// Bytes of a job that is looked at; values of keys are no longer than this unless servers are told to take more.
const JOB_MAX: usize = 512 << 10;

/// Why a job cannot be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    /// It is no JSON, or another.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is too long.
    #[error("{0} bytes are more than a job may have")]
    TooLong(usize),
    /// It names nothing to run.
    #[error("need an executable to run")]
    Nothing,
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// A line for the shell.
    Line(String),
    /// A program with its arguments.
    Program(Vec<String>),
    /// A script, to be put into a file.
    Script(Bytes),
}

impl Work {
    /// What the job says, and after how many nanoseconds without output a sign of life is wanted. A script goes before
    /// a line, and a line before a program, as in Consul.
    pub(super) fn read(job: &[u8]) -> Result<(Self, i64), WorkError> {
        if job.len() > JOB_MAX {
            return Err(WorkError::TooLong(job.len()));
        }
        let job: Job = from_json_slice_with(job, Options::HTTP_LENIENT)?;
        let work = if !job.script.0.is_empty() {
            Self::Script(job.script.0)
        } else if !job.command.is_empty() {
            Self::Line(job.command)
        } else if !job.args.is_empty() {
            Self::Program(job.args)
        } else {
            return Err(WorkError::Nothing);
        };
        Ok((work, job.wait))
    }
}

/// The place of the job that an event's payload names.
pub(super) fn call(payload: &[u8]) -> Result<Call, DecodeError> {
    from_json_slice_with(payload, Options::HTTP_LENIENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_read() {
        let read = |text: &str| Work::read(text.as_bytes());
        let found = read(r#"{"Command":"ls","Args":null,"Script":null,"Wait":7}"#);
        assert_eq!(found.unwrap(), (Work::Line("ls".to_owned()), 7));
        let found = read(r#"{"Args":["a","b"],"Wait":7}"#).unwrap().0;
        assert_eq!(found, Work::Program(vec!["a".to_owned(), "b".to_owned()]));
        let found = read(r#"{"Command":"ls","Script":"bHM=","More":1}"#).unwrap();
        assert_eq!(found, (Work::Script(Bytes::from_static(b"ls")), 0));
    }

    #[test]
    fn what_is_no_job_is_refused() {
        for text in ["", "x", "[]", "{}", r#"{"Wait":7}"#, r#"{"Command":1}"#] {
            assert!(Work::read(text.as_bytes()).is_err(), "{text}");
        }
        let long = format!(r#"{{"Command":"{}"}}"#, "x".repeat(JOB_MAX));
        let refused = Work::read(long.as_bytes());
        assert!(matches!(refused, Err(WorkError::TooLong(_))));
    }

    #[test]
    fn events_name_the_place() {
        let found = call(br#"{"Prefix":"_rexec","Session":"s"}"#).unwrap();
        assert_eq!(found.key(&["job"]), "_rexec/s/job");
        assert!(call(b"nope").is_err());
    }
}
