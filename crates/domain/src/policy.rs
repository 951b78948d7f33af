//! Who may change what a channel gets.

/// What somebody may do in an account, and who may do more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// They manage the account.
    pub is_manager: bool,
    /// Who does, by name, as far as they were ever seen here. Only where that matters.
    pub managers: Vec<String>,
}
