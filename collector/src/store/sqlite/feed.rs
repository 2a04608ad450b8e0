//! The feed of changes: transitions, and the newest snapshot of each profile. One statement per question.

use rusqlite::named_params;

use super::row::{rows, transition};
use super::session::Session;
use crate::event::Workspace;
use crate::store::{ChangeSeq, NameId, StoreError, TransitionRow};

impl Session<'_> {
    pub(super) fn read_profiles_after(
        &self,
        workspace: Workspace,
        seq: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<(ChangeSeq, NameId)>, StoreError> {
        const SQL: &str = "
            select renewal.seq, renewal.profile
            from renewal cross join profile on profile.identifier = renewal.profile
            where renewal.seq > :seq
              and profile.change_seq = renewal.seq and profile.is_alive and profile.workspace = :workspace
            order by renewal.seq limit :limit";
        let params = named_params! { ":workspace": workspace, ":seq": seq, ":limit": rows(limit) };
        self.all(SQL, params, |row| Ok((row.get(0)?, row.get(1)?)))
    }

    pub(super) fn read_transitions_after(
        &self,
        workspace: Workspace,
        seq: ChangeSeq,
        limit: usize,
    ) -> Result<Vec<TransitionRow>, StoreError> {
        const SQL: &str = "
            select seq, profile, kind, other, because from change
            where seq > :seq and workspace = :workspace order by seq limit :limit";
        let params = named_params! { ":workspace": workspace, ":seq": seq, ":limit": rows(limit) };
        self.all(SQL, params, |row| {
            Ok(TransitionRow {
                seq: row.get(0)?,
                profile: row.get(1)?,
                transition: transition(row)?,
                because: row.get(4)?,
            })
        })
    }

    pub(super) fn read_last_change(&self) -> Result<ChangeSeq, StoreError> {
        const SQL: &str = "
            select max(
                coalesce((select max(seq) from change), 0),
                coalesce((select max(seq) from renewal), 0))";
        self.one(SQL, [], |row| row.get(0))
    }

    pub(super) fn read_standing_profiles(&self, workspace: Workspace) -> Result<Vec<NameId>, StoreError> {
        const SQL: &str =
            "select identifier from profile where is_alive and workspace = :workspace order by identifier";
        self.all(SQL, named_params! { ":workspace": workspace }, |row| row.get(0))
    }
}
