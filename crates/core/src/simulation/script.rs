//! What is said: how calls go and what messages read like. Texts only; who says them and when is
//! decided elsewhere. `{agent}` and `{name}` stand for names.

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Agent,
    User,
}

use Speaker::{Agent, User};

/// What follows from a call that somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    Nothing,
    Lead,
    /// A lead, and a date for it.
    Appointment,
    /// A message, since talking did not work out.
    Message,
    /// The contact is taken off the list.
    Removal,
}

/// Why a call ends that is put through to somebody else.
pub const TRANSFERRED: &str = "call_transfer";

/// How a call with a person goes.
#[derive(Debug)]
pub struct Talk {
    pub disposition: &'static str,
    pub sentiment: &'static str,
    pub ended_reason: &'static str,
    pub follows: Follows,
    pub seconds: (u64, u64),
    pub lead_score: (u64, u64),
    pub next_action: &'static str,
    pub tags: &'static [&'static str],
    pub summary: &'static str,
    pub turns: &'static [(Speaker, &'static str)],
}

/// With how often each is the case, in a hundred.
pub const TALKS: [(usize, &Talk); 8] = [
    (16, &INTERESTED),
    (9, &APPOINTMENT),
    (19, &CALLBACK),
    (30, &NOT_INTERESTED),
    (6, &WRONG_NUMBER),
    (4, &DO_NOT_CALL),
    (11, &HUNG_UP),
    (5, &ALREADY_CUSTOMER),
];

/// Of calls that come in.
pub const INBOUND_TALKS: [(usize, &Talk); 3] =
    [(50, &INBOUND_QUESTION), (30, &INBOUND_BOOKING), (20, &INBOUND_INVOICE)];

const OPENING: (Speaker, &str) = (Agent, "Hello {name}, this is {agent} calling from AI Sync.");

const INTERESTED: Talk = Talk {
    disposition: "interested",
    sentiment: "positive",
    ended_reason: "user_hangup",
    follows: Follows::Lead,
    seconds: (75, 420),
    lead_score: (65, 95),
    next_action: "send_proposal",
    tags: &["qualified", "follow-up"],
    summary: "{name} is interested and asked for a proposal by e-mail.",
    turns: &[
        OPENING,
        (User, "Hi, yes, I was expecting your call."),
        (Agent, "Great. Are you still looking for a way to answer calls after hours?"),
        (User, "We are. We lose about ten a week right now."),
        (Agent, "Then let me send you a proposal with two options."),
        (User, "Please do, by e-mail."),
    ],
};

const APPOINTMENT: Talk = Talk {
    disposition: "appointment_set",
    sentiment: "positive",
    ended_reason: "agent_hangup",
    follows: Follows::Appointment,
    seconds: (110, 480),
    lead_score: (75, 100),
    next_action: "schedule_demo",
    tags: &["qualified", "demo"],
    summary: "{name} wants to see the product and agreed to a demo.",
    turns: &[
        OPENING,
        (User, "Oh good, I have a few questions."),
        (Agent, "I could show you the answers. Would a demo this week suit you?"),
        (User, "How long does it take?"),
        (Agent, "Half an hour. I am sending you the invitation now."),
        (User, "Perfect, thank you."),
    ],
};

const CALLBACK: Talk = Talk {
    disposition: "callback",
    sentiment: "neutral",
    ended_reason: "user_hangup",
    follows: Follows::Message,
    seconds: (18, 75),
    lead_score: (30, 60),
    next_action: "call_back",
    tags: &["callback"],
    summary: "{name} is busy and asked to be called again.",
    turns: &[
        OPENING,
        (User, "I am driving, can you call me later?"),
        (Agent, "Of course. I will send you a message and try again tomorrow."),
    ],
};

const NOT_INTERESTED: Talk = Talk {
    disposition: "not_interested",
    sentiment: "neutral",
    ended_reason: "user_hangup",
    follows: Follows::Nothing,
    seconds: (15, 95),
    lead_score: (0, 25),
    next_action: "none",
    tags: &[],
    summary: "{name} is not interested at the moment.",
    turns: &[
        OPENING,
        (User, "Thanks, but we have something like that already."),
        (Agent, "Understood. Have a good day."),
    ],
};

const WRONG_NUMBER: Talk = Talk {
    disposition: "wrong_number",
    sentiment: "neutral",
    ended_reason: "agent_hangup",
    follows: Follows::Removal,
    seconds: (8, 30),
    lead_score: (0, 5),
    next_action: "remove",
    tags: &["wrong-number"],
    summary: "Somebody else answered; {name} cannot be reached at this number.",
    turns: &[
        OPENING,
        (User, "There is nobody of that name here."),
        (Agent, "I am sorry. Goodbye."),
    ],
};

const DO_NOT_CALL: Talk = Talk {
    disposition: "do_not_call",
    sentiment: "negative",
    ended_reason: "user_hangup",
    follows: Follows::Removal,
    seconds: (6, 35),
    lead_score: (0, 5),
    next_action: "remove",
    tags: &["do-not-call"],
    summary: "{name} asked not to be called again.",
    turns: &[OPENING, (User, "Take me off your list, please."), (Agent, "I will, right away.")],
};

const HUNG_UP: Talk = Talk {
    disposition: "hung_up",
    sentiment: "negative",
    ended_reason: "user_hangup",
    follows: Follows::Nothing,
    seconds: (2, 12),
    lead_score: (0, 15),
    next_action: "none",
    tags: &[],
    summary: "{name} hung up during the greeting.",
    turns: &[OPENING, (User, "No.")],
};

const ALREADY_CUSTOMER: Talk = Talk {
    disposition: "existing_customer",
    sentiment: "positive",
    ended_reason: TRANSFERRED,
    follows: Follows::Nothing,
    seconds: (60, 300),
    lead_score: (40, 70),
    next_action: "none",
    tags: &["customer"],
    summary: "{name} is a customer already and had a question about an invoice.",
    turns: &[
        OPENING,
        (User, "Funny, I have been a customer for a year. I do have a question on my invoice."),
        (Agent, "Let me bring in a colleague who can see it."),
        (User, "Thank you."),
    ],
};

const ANSWERING: (Speaker, &str) =
    (Agent, "Thank you for calling AI Sync, this is {agent}. How can I help?");

const INBOUND_QUESTION: Talk = Talk {
    disposition: "interested",
    seconds: (60, 300),
    summary: "{name} called with questions about prices and wants a proposal.",
    turns: &[
        ANSWERING,
        (User, "I saw your offer. What does it cost for a team of five?"),
        (Agent, "That depends on the calls. I can send you a proposal with two options."),
        (User, "Yes, please do."),
    ],
    ..INTERESTED
};

const INBOUND_BOOKING: Talk = Talk {
    summary: "{name} called to book a demo.",
    turns: &[
        ANSWERING,
        (User, "Hi, I would like to see a demo."),
        (Agent, "With pleasure. I am sending you an invitation."),
        (User, "Thanks!"),
    ],
    ..APPOINTMENT
};

const INBOUND_INVOICE: Talk = Talk {
    summary: "{name} had a question about an invoice and was put through.",
    turns: &[
        ANSWERING,
        (User, "I have a question about my last invoice."),
        (Agent, "Let me bring in a colleague who can see it."),
    ],
    ..ALREADY_CUSTOMER
};

/// What machines say when nobody answers.
pub const GREETINGS: [&str; 3] = [
    "You have reached the voicemail of {name}. Please leave a message after the tone.",
    "Hi, this is {name}. I cannot take your call right now.",
    "The person you are calling is not available. Please record your message.",
];

/// What a campaign by message begins with.
pub const OFFERS: [&str; 4] = [
    "Hi {name}, this is {agent} from AI Sync. Do you have ten minutes for a call this week? Reply STOP to opt out.",
    "Hi {name}, your free trial ends on Friday. Shall we extend it? Reply YES, or STOP to opt out.",
    "{name}, we have new times for product demos. Want one? Reply STOP to opt out.",
    "Hi {name}! Answer calls around the clock from $29 a month. Details: https://example.com/o Reply STOP to opt out.",
];

pub const AFTER_A_CALL: [&str; 2] = [
    "Hi {name}, {agent} from AI Sync here. Sorry to have caught you at a bad time: when may I call again?",
    "Hi {name}, as promised: I will call again tomorrow. Tell me if another day is better.",
];

pub const CONFIRMATION: &str = "Hi {name}, your demo is booked for {day}. Reply C to confirm.";

/// What people answer.
#[derive(Debug)]
pub struct Reply {
    pub text: &'static str,
    pub intent: &'static str,
    pub opt_out: bool,
    pub lead: bool,
    /// What the agent says to it, if anything.
    pub answer: Option<&'static str>,
}

const fn reply(text: &'static str, intent: &'static str, answer: Option<&'static str>) -> Reply {
    Reply { text, intent, opt_out: false, lead: false, answer }
}

const STOP: Reply =
    Reply { text: "STOP", intent: "opt_out", opt_out: true, lead: false, answer: None };
const YES: Reply = Reply {
    text: "Yes please, tell me more",
    intent: "interested",
    opt_out: false,
    lead: true,
    answer: Some("Great, {name}! I will call you in the afternoon."),
};

/// To an offer or a message after a call.
pub const REPLIES: [(usize, &Reply); 7] = [
    (22, &YES),
    (
        16,
        &reply("How much is it?", "question", Some("From $29 a month, {name}. Shall I call you?")),
    ),
    (14, &reply("Tomorrow after 3 works", "reschedule", Some("Noted, talk to you tomorrow!"))),
    (20, &reply("No thanks", "not_interested", None)),
    (
        10,
        &reply(
            "Who is this?",
            "question",
            Some("{agent} from AI Sync, you asked us for information."),
        ),
    ),
    (5, &reply("👍", "acknowledge", None)),
    (13, &STOP),
];

/// To a confirmation.
pub const CONFIRMATION_REPLIES: [(usize, &Reply); 3] = [
    (80, &reply("C", "confirm", None)),
    (12, &reply("C - see you then! 👍", "confirm", None)),
    (
        8,
        &reply(
            "Can we move it by an hour?",
            "reschedule",
            Some("Of course, {name}. I have moved it."),
        ),
    ),
];

/// Why a message does not arrive.
#[derive(Debug)]
pub struct SmsError {
    pub code: &'static str,
    pub message: &'static str,
    pub provider_code: &'static str,
    /// Sending it again may help.
    pub retryable: bool,
}

const fn sms_error(
    code: &'static str,
    provider_code: &'static str,
    retryable: bool,
    message: &'static str,
) -> SmsError {
    SmsError { code, message, provider_code, retryable }
}

pub const SMS_ERRORS: [(usize, &SmsError); 4] = [
    (45, &sms_error("unreachable_handset", "30003", true, "The handset is off or out of reach")),
    (25, &sms_error("unknown_handset", "30005", false, "The number is not in service")),
    (20, &sms_error("landline", "30006", false, "The number cannot receive messages")),
    (10, &sms_error("carrier_filtered", "30007", false, "The carrier took it for unwanted mail")),
];

pub const CARRIERS: [&str; 3] = ["Example Mobile", "Sample Wireless", "Fictional Telecom"];

pub const CAMPAIGN_TOPICS: [&str; 8] = [
    "demo calls",
    "win-back",
    "trial follow-up",
    "renewals",
    "webinar invitations",
    "new leads",
    "survey",
    "holiday offer",
];

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How a message is written on the air, and in how many parts.
pub fn encoding(text: &str) -> (&'static str, usize) {
    // What GSM 03.38 has of the letters that our names and texts use beyond ASCII.
    let is_gsm = |letter: char| letter.is_ascii() || "éèùìòÇØøÅåÆæßÉÄÖÑÜäöñüà".contains(letter);
    let parts = |length: usize, one: usize, many: usize| {
        if length <= one { 1 } else { length.div_ceil(many) }
    };
    if text.chars().all(is_gsm) {
        ("GSM-7", parts(text.chars().count(), 160, 153))
    } else {
        ("UCS-2", parts(text.encode_utf16().count(), 70, 67))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_parted_as_carriers_do() {
        let check =
            |text: &str, expected: (&str, usize)| assert_eq!(encoding(text), expected, "{text}");
        check("Hi José", ("GSM-7", 1));
        check("Hi Zoë", ("UCS-2", 1));
        check("👍", ("UCS-2", 1));
        check(&"x".repeat(160), ("GSM-7", 1));
        check(&"x".repeat(161), ("GSM-7", 2));
        check(&"ë".repeat(71), ("UCS-2", 2));
    }
}
