//! Which hooks there are in projects at Sentry.

use super::Core;
use crate::{Decision, Digest, Hook, Job, Lane, NewJob, RECONCILE_EVERY, Revision, RowChange, Timestamp};

impl Core<'_> {
    /// The job that makes the hooks that are needed and deletes the others.
    pub fn tend_hooks(&self) -> NewJob {
        self.job(Lane::hooks(), Job::TendHooks)
    }

    /// These were made and those are of no use any more, or stranded; they are looked at again at `again`, and at once where others are
    /// wished for than those that were `seen`.
    pub fn hooks_tended(
        &self,
        seen: Revision,
        made: &[Hook],
        dropped: &[(Digest, bool)],
        again: Option<Timestamp>,
    ) -> Decision {
        let made = made.iter().map(|hook| RowChange::PutHook(Box::new(hook.clone())));
        let dropped = dropped.iter().map(|(token, is_stranded)| self.end_hook(*token, *is_stranded));
        let jobs = again.map(|at| self.tend_hooks().at(at)).into_iter().collect();
        let changes = made.chain(dropped).chain([RowChange::TendIfBehind { seen, again: self.tend_hooks() }]).collect();
        Decision { changes, jobs }
    }

    /// These stay at Sentry, and nobody can delete them.
    pub fn hooks_stranded<'h>(&self, hooks: impl IntoIterator<Item = &'h Digest>) -> Decision {
        hooks.into_iter().map(|token| self.end_hook(*token, true)).fold(Decision::nothing(), Decision::and)
    }

    pub(super) fn end_hook(&self, token: Digest, is_stranded: bool) -> RowChange {
        RowChange::EndHook { token, at: self.now, is_stranded }
    }

    /// The hooks could not be looked at.
    pub fn tend_hooks_later(&self) -> Decision {
        Decision::job(self.tend_hooks().at(self.now + RECONCILE_EVERY))
    }
}
