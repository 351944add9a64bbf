//! The texts of an answer that cannot be masked: an application stores them, quotes them, or shows them to the customer.

use crate::{
    Dispute, Event, EventBody, Handle, Mandate, MandateState, Network, NextAction, Payment, Payout, Refund, Session,
    State, TransferState,
};

/// Visits the texts that must stay as they are: ids, references, and what the customer is to be shown.
pub(crate) trait Kept {
    /// Calls `visit` with each of them.
    fn kept(&self, visit: &mut dyn FnMut(&str));
}

impl Kept for Handle {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.texts().for_each(visit);
    }
}

impl<T: Kept> Kept for Option<T> {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.iter().for_each(|value| value.kept(visit));
    }
}

impl Kept for String {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        visit(self);
    }
}

impl Kept for NextAction {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        match self {
            NextAction::Redirect { url } => visit(url),
            NextAction::PostForm { url, fields } | NextAction::ThreeDs { url, fields } => {
                visit(url);
                fields.iter().for_each(|(_, value)| visit(value));
            }
            NextAction::Qr { text, .. } => visit(text),
            NextAction::Voucher { reference, url, .. } => {
                visit(reference);
                url.kept(visit);
            }
            NextAction::ConfirmInApp | NextAction::ClientSdk { .. } => {}
        }
    }
}

impl Kept for Payment {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.handle.kept(visit);
        self.mandate.kept(visit);
        self.reference.kept(visit);
        self.network.kept(visit);
        if let State::ActionRequired(action) = &self.state {
            action.kept(visit);
        }
    }
}

impl Kept for Network {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        [&self.transaction_id, &self.authorization_code, &self.eci].into_iter().for_each(|text| text.kept(visit));
    }
}

impl Kept for TransferState {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        if let TransferState::ActionRequired(action) = self {
            action.kept(visit);
        }
    }
}

impl Kept for Refund {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.handle.kept(visit);
        self.payment.kept(visit);
        self.reference.kept(visit);
        self.state.kept(visit);
    }
}

impl Kept for Payout {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.handle.kept(visit);
        self.reference.kept(visit);
        self.state.kept(visit);
    }
}

impl Kept for Mandate {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.handle.kept(visit);
        self.reference.kept(visit);
        self.network.kept(visit);
        if let MandateState::ActionRequired(action) = &self.state {
            action.kept(visit);
        }
    }
}

impl Kept for Dispute {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.handle.kept(visit);
        self.payment.kept(visit);
    }
}

impl Kept for Session {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        self.handle.kept(visit);
    }
}

impl Kept for Vec<Event> {
    fn kept(&self, visit: &mut dyn FnMut(&str)) {
        for event in self {
            event.id.kept(visit);
            match &event.body {
                EventBody::Payment(payment) => payment.kept(visit),
                EventBody::Refund(refund) => refund.kept(visit),
                EventBody::Dispute(dispute) => dispute.kept(visit),
                EventBody::Payout(payout) => payout.kept(visit),
                EventBody::Mandate(mandate) => mandate.kept(visit),
                EventBody::Refusal(refusal) => refusal.payment.kept(visit),
                EventBody::Ignored => {}
            }
        }
    }
}
