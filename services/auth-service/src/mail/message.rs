use serde::Serialize;

use super::UntrustedText;

/// An e-mail: plain text, to one recipient. Text written by others is [`UntrustedText`]. No `Debug`, so that its token
/// cannot be logged.
#[derive(Clone, Serialize)]
pub struct Message {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    /// Single-use token that the e-mail's link contains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

const NOT_YOU: &str = "If this was not you, ignore this e-mail: nothing changes without it.";

impl Message {
    fn new(to: &str, subject: &'static str, text: String, token: Option<&str>) -> Self {
        Self { to: to.to_owned(), subject: subject.to_owned(), text, token: token.map(ToOwned::to_owned) }
    }

    /// Builds an e-mail with a link that contains a token, after `#`: browsers do not send URL fragments to servers.
    fn leading(to: &str, subject: &'static str, why: &str, link: &str, token: &str, until: &str) -> Self {
        let text = format!("{why}\n\n{link}#token={token}\n\nIt is good once, for {until}.\n{NOT_YOU}\n");
        Self::new(to, subject, text, Some(token))
    }

    /// `account` is a name of unknown authorship, because the address may not belong to its author.
    pub(crate) fn confirm_signup(
        pages: &str,
        to: &str,
        account: Option<&UntrustedText>,
        token: &str,
    ) -> Self {
        let account = account.map_or("that you signed up for".to_owned(), ToString::to_string);
        let why = format!("Confirm that this address is yours, to open the account {account}:");
        Self::leading(to, "Confirm your address", &why, &format!("{pages}/confirm"), token, "24 hours")
    }

    pub(crate) fn already_known(pages: &str, to: &str) -> Self {
        let text = format!(
            "Somebody has just signed up with this address, which has signed up before. If it was you, log in, or ask for \
             another password:\n\n{pages}/login\n\n{NOT_YOU}\n"
        );
        Self::new(to, "You have signed up before", text, None)
    }

    pub(crate) fn reset_password(pages: &str, to: &str, token: &str) -> Self {
        let why = "Choose another password here:";
        Self::leading(to, "Another password", why, &format!("{pages}/reset"), token, "30 minutes")
    }

    pub(crate) fn password_changed(to: &str) -> Self {
        let text = "Your password was changed, and every other session of yours has ended.\n\n\
                    If this was not you, ask for another password at once.\n";
        Self::new(to, "Your password was changed", text.to_owned(), None)
    }

    pub(crate) fn factor_added(to: &str) -> Self {
        let text = "A second factor was added: from now on you log in with your password and a code.\n\n\
                    If this was not you, ask for another password at once, and write to your administrator.\n";
        Self::new(to, "A second factor was added", text.to_owned(), None)
    }

    pub(crate) fn factor_removed(to: &str) -> Self {
        let text = "Your second factor was removed: from now on your password is enough to log in.\n\n\
                    If this was not you, ask for another password at once, and add a second factor again.\n";
        Self::new(to, "Your second factor was removed", text.to_owned(), None)
    }

    pub(crate) fn factor_reset(to: &str) -> Self {
        let text = "An operator has taken away your second factor and your recovery codes: from now on your password is \
                    enough to log in. Your sessions have ended.\n\n\
                    If you did not ask for this, ask for another password at once, and write to your administrator. \
                    Otherwise log in, and add a second factor again.\n";
        Self::new(to, "Your second factor was taken away", text.to_owned(), None)
    }

    pub(crate) fn recovery_codes_replaced(to: &str) -> Self {
        let text = "You have new recovery codes; those of before are good for nothing.\n\n\
                    If this was not you, ask for another password at once, and then for new codes.\n";
        Self::new(to, "You have new recovery codes", text.to_owned(), None)
    }

    pub(crate) fn confirm_email(pages: &str, to: &str, token: &str) -> Self {
        let why = "Confirm that this is to be your address:";
        Self::leading(
            to,
            "Confirm your new address",
            why,
            &format!("{pages}/confirm-email"),
            token,
            "30 minutes",
        )
    }

    pub(crate) fn email_is_to_change(to: &str, new: &UntrustedText) -> Self {
        let text = format!(
            "Your address is to become {new}, as soon as that is confirmed.\n\nIf this was not you, change your password \
             now.\n"
        );
        Self::new(to, "Your address is to change", text, None)
    }

    pub(crate) fn email_changed(to: &str, new: &UntrustedText) -> Self {
        let text = format!(
            "Your address is {new} from now on.\n\nIf this was not you, write to your administrator.\n"
        );
        Self::new(to, "Your address was changed", text, None)
    }

    pub(crate) fn invitation(pages: &str, to: &str, account: &UntrustedText, token: &str) -> Self {
        let why = format!("You are invited to work in the account {account}:");
        Self::leading(to, "An invitation", &why, &format!("{pages}/invitation"), token, "seven days")
    }
}
