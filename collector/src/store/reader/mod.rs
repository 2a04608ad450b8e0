//! Answers questions about people and events over one view of the ledger. Knows no home and no HTTP.

mod conflicts;
mod cursor;
mod decisions;
mod events;
mod explain;
mod export;
mod feed;
mod lookup;
mod profile;
mod sessions;

pub use conflicts::{ConflictPage, ShownConflict};
pub use cursor::{ConflictCursor, EventCursor, NotACursor};
pub use decisions::ShownDecision;
pub use events::{EventPage, EventQuery};
pub use explain::{Because, By, Explanation, NeverNamed, Paths, Profiles, Said, Step};
pub use export::Export;
pub use feed::{Change, ChangeKind, LedgerEvent, ProfileSnapshot};
pub use lookup::{Lookup, Sought};
pub use sessions::SessionPage;

use super::{NameId, Ownership, ProfileKey, Store, StoreError, View};
use crate::event::Workspace;
use crate::identity::Rules;

/// One consistent state of a workspace's ledger. Hold it briefly: while it lives, the store cannot tidy up behind it.
pub struct Reader<'a> {
    view: Box<dyn View + 'a>,
    rules: &'a Rules,
    workspace: Workspace,
}

impl<'a> Reader<'a> {
    /// The ledger as it stands now.
    pub fn open(store: &'a dyn Store, rules: &'a Rules, workspace: Workspace) -> Result<Self, StoreError> {
        Ok(Self { view: store.view()?, rules, workspace })
    }

    /// The view that answers.
    pub fn view(&self) -> &dyn View {
        &*self.view
    }

    /// The row of what is asked for, if the ledger has it.
    fn row(&self, lookup: &Lookup) -> Result<Option<NameId>, StoreError> {
        lookup.row(self.view(), self.rules, self.workspace)
    }

    /// The leader of the person that holds an account or contact, or another name of the same.
    pub(crate) fn leader(&self, name: NameId) -> Result<Option<NameId>, StoreError> {
        self.ownership().leader(name)
    }

    /// Whose a device is, whichever of its names is given.
    pub(crate) fn whose_device(&self, device: NameId) -> Result<ProfileKey, StoreError> {
        self.ownership().whose_device(self.ownership().device(device)?)
    }

    pub(crate) fn ownership(&self) -> Ownership<'_> {
        Ownership::new(&*self.view, self.rules)
    }
}
