//! What a caller may do, whether it is a program with a key or a person who signed in.

use crate::account::{Action, Role};
use crate::user::UserRole;

/// How many accounts somebody may act in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Every one; each call names one.
    All,
    One,
}

/// The rights of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rights {
    Key(Role),
    User(UserRole, Reach),
}

impl Rights {
    pub fn may(self, action: Action) -> bool {
        match self {
            Rights::Key(role) => role.may(action),
            Rights::User(UserRole::Owner, Reach::All) => true,
            Rights::User(UserRole::Owner, Reach::One) => action != Action::Administer,
            Rights::User(UserRole::Editor, _) => {
                matches!(action, Action::Publish | Action::Read | Action::Write | Action::Myself)
            }
            Rights::User(UserRole::Viewer, _) => matches!(action, Action::Read | Action::Myself),
        }
    }

    pub fn reach(self) -> Reach {
        match self {
            Rights::Key(Role::Platform) => Reach::All,
            Rights::Key(Role::Account | Role::Publish | Role::Read) => Reach::One,
            Rights::User(_, reach) => reach,
        }
    }

    /// The role by its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Rights::Key(role) => role.as_str(),
            Rights::User(role, _) => role.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_what_their_role_says() {
        let check = |role: UserRole, reach: Reach, expected: [bool; 6]| {
            let rights = Rights::User(role, reach);
            assert_eq!(Action::ALL.map(|action| rights.may(action)), expected, "{rights:?}");
        };
        //                                    publish read write manage administer myself
        check(UserRole::Owner, Reach::All, [true, true, true, true, true, true]);
        check(UserRole::Owner, Reach::One, [true, true, true, true, false, true]);
        for reach in [Reach::All, Reach::One] {
            check(UserRole::Editor, reach, [true, true, true, false, false, true]);
            check(UserRole::Viewer, reach, [false, true, false, false, false, true]);
        }
    }

    #[test]
    fn a_key_may_what_its_role_says() {
        for role in Role::ALL {
            for action in Action::ALL {
                assert_eq!(Rights::Key(role).may(action), role.may(action));
            }
            let reach = if role == Role::Platform { Reach::All } else { Reach::One };
            assert_eq!(Rights::Key(role).reach(), reach);
        }
    }
}
