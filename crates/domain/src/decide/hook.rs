//! Which hooks there are in projects at Sentry.

use super::Core;
use crate::{Decision, Digest, Hook, Job, Lane, NewJob, RECONCILE_EVERY, RowChange, Timestamp};

impl Core<'_> {
    /// The job that makes the hooks that are needed and deletes the others.
    pub fn tend_hooks(&self) -> NewJob {
        self.job(Lane::hooks(), Job::TendHooks)
    }

    /// These were made and those are of no use any more; they are looked at again at `again`.
    pub fn hooks_tended(&self, made: &[Hook], dropped: &[Digest], again: Option<Timestamp>) -> Decision {
        let made = made.iter().map(|hook| RowChange::PutHook(Box::new(hook.clone())));
        let dropped = dropped.iter().map(|token| RowChange::EndHook { token: *token, at: self.now });
        let jobs = again.map(|at| self.tend_hooks().at(at)).into_iter().collect();
        Decision { changes: made.chain(dropped).collect(), jobs }
    }

    /// The hooks could not be looked at.
    pub fn tend_hooks_later(&self) -> Decision {
        Decision::job(self.tend_hooks().at(self.now + RECONCILE_EVERY))
    }
}
