//! Who there is: agents and contacts, made of nothing but numbers, so that nobody needs to be kept.
//! Every phone number is of the range 555-0100 to 555-0199, which belongs to nobody; every e-mail
//! address is at a domain that is reserved for examples.

use serde_json::{Value, json};

use super::chance::{Chance, mix};
use crate::id::{ContactId, first_of_millisecond};
use crate::time::Timestamp;

/// As written, and as an e-mail address has it.
const FIRST_NAMES: [(&str, &str); 40] = [
    ("Maria", "maria"),
    ("James", "james"),
    ("José", "jose"),
    ("Olivia", "olivia"),
    ("Ahmed", "ahmed"),
    ("Grace", "grace"),
    ("Noah", "noah"),
    ("Zoë", "zoe"),
    ("Liam", "liam"),
    ("Aisha", "aisha"),
    ("Wei", "wei"),
    ("Emma", "emma"),
    ("Mateo", "mateo"),
    ("Priya", "priya"),
    ("Ethan", "ethan"),
    ("Chloé", "chloe"),
    ("Daniel", "daniel"),
    ("Fatima", "fatima"),
    ("Søren", "soren"),
    ("Hannah", "hannah"),
    ("Lucas", "lucas"),
    ("Mei", "mei"),
    ("Samuel", "samuel"),
    ("Nora", "nora"),
    ("Diego", "diego"),
    ("Ruth", "ruth"),
    ("Omar", "omar"),
    ("Lily", "lily"),
    ("Victor", "victor"),
    ("Amara", "amara"),
    ("Peter", "peter"),
    ("Yuki", "yuki"),
    ("Carlos", "carlos"),
    ("Ingrid", "ingrid"),
    ("Kofi", "kofi"),
    ("Elena", "elena"),
    ("Tom", "tom"),
    ("Leila", "leila"),
    ("Marcus", "marcus"),
    ("Sofia", "sofia"),
];
const LAST_NAMES: [(&str, &str); 40] = [
    ("Lopez", "lopez"),
    ("Smith", "smith"),
    ("García", "garcia"),
    ("Nguyen", "nguyen"),
    ("Johnson", "johnson"),
    ("Khan", "khan"),
    ("Müller", "mueller"),
    ("Brown", "brown"),
    ("Okafor", "okafor"),
    ("Chen", "chen"),
    ("Patel", "patel"),
    ("Davis", "davis"),
    ("Kim", "kim"),
    ("O'Neill", "oneill"),
    ("Rossi", "rossi"),
    ("Wilson", "wilson"),
    ("Haddad", "haddad"),
    ("Novak", "novak"),
    ("Taylor", "taylor"),
    ("Silva", "silva"),
    ("Jensen", "jensen"),
    ("Moore", "moore"),
    ("Tanaka", "tanaka"),
    ("Clark", "clark"),
    ("Mensah", "mensah"),
    ("Hall", "hall"),
    ("Petrov", "petrov"),
    ("Young", "young"),
    ("Reyes", "reyes"),
    ("King", "king"),
    ("Dubois", "dubois"),
    ("Scott", "scott"),
    ("Ali", "ali"),
    ("Baker", "baker"),
    ("Costa", "costa"),
    ("Green", "green"),
    ("Larsen", "larsen"),
    ("Adams", "adams"),
    ("Ortiz", "ortiz"),
    ("Wright", "wright"),
];
const AGENT_NAMES: [&str; 12] =
    ["John", "Ava", "Max", "Nina", "Leo", "Clara", "Sam", "Ruby", "Theo", "Ivy", "Ben", "Stella"];
const INITIALS: [char; 26] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S',
    'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
];
const STREETS: [&str; 8] = [
    "Example Avenue",
    "Sample Street",
    "Placeholder Road",
    "Specimen Lane",
    "Demo Drive",
    "Fixture Court",
    "Model Way",
    "Test Boulevard",
];
pub const VOICES: [&str; 6] = [
    "voice_en_us_1",
    "voice_en_us_4",
    "voice_en_gb_2",
    "voice_es_us_1",
    "voice_en_us_7",
    "voice_en_au_3",
];

struct Place {
    area_code: u32,
    city: &'static str,
    state: &'static str,
    postal_code: u32,
    timezone: &'static str,
}

const fn place(
    area_code: u32,
    city: &'static str,
    state: &'static str,
    postal_code: u32,
    timezone: &'static str,
) -> Place {
    Place { area_code, city, state, postal_code, timezone }
}

const PLACES: [Place; 20] = [
    place(202, "Washington", "DC", 20001, "America/New_York"),
    place(212, "New York", "NY", 10001, "America/New_York"),
    place(213, "Los Angeles", "CA", 90012, "America/Los_Angeles"),
    place(312, "Chicago", "IL", 60601, "America/Chicago"),
    place(713, "Houston", "TX", 77002, "America/Chicago"),
    place(602, "Phoenix", "AZ", 85003, "America/Phoenix"),
    place(215, "Philadelphia", "PA", 19103, "America/New_York"),
    place(512, "Austin", "TX", 78701, "America/Chicago"),
    place(619, "San Diego", "CA", 92101, "America/Los_Angeles"),
    place(206, "Seattle", "WA", 98101, "America/Los_Angeles"),
    place(303, "Denver", "CO", 80202, "America/Denver"),
    place(617, "Boston", "MA", 2108, "America/New_York"),
    place(615, "Nashville", "TN", 37203, "America/Chicago"),
    place(503, "Portland", "OR", 97204, "America/Los_Angeles"),
    place(702, "Las Vegas", "NV", 89101, "America/Los_Angeles"),
    place(305, "Miami", "FL", 33130, "America/New_York"),
    place(404, "Atlanta", "GA", 30303, "America/New_York"),
    place(612, "Minneapolis", "MN", 55401, "America/Chicago"),
    place(801, "Salt Lake City", "UT", 84101, "America/Denver"),
    place(504, "New Orleans", "LA", 70112, "America/Chicago"),
];

/// Of the hundred numbers that belong to nobody, the first ten of each place are the company's.
const COMPANY_NUMBERS: usize = 10;
const CONTACT_NUMBERS: usize = 90;
/// As many contacts of one list have numbers of their own.
pub const MEMBERS_MAX: usize = PLACES.len() * CONTACT_NUMBERS;

/// A company's number, and where it seems to be from.
pub fn company_number(position: usize) -> (String, &'static str) {
    let place = &PLACES[position % PLACES.len()];
    let line = position / PLACES.len() % COMPANY_NUMBERS;
    (format!("+1{}55501{line:02}", place.area_code), place.city)
}

/// The `position`-th agent's name: there are several Johns, John B. and John C. among them.
pub fn agent_name(position: usize) -> String {
    let name = AGENT_NAMES[position % AGENT_NAMES.len()];
    match position / AGENT_NAMES.len() {
        0 => name.to_owned(),
        round => format!("{name} {}.", INITIALS[round % INITIALS.len()]),
    }
}

/// As an agent introduces itself.
pub fn spoken(agent_name: &str) -> &str {
    agent_name.split(' ').next().unwrap_or(agent_name)
}

/// A contact of a powerlist, by its numbers. Whoever imports a list anew has other people on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    pub list: usize,
    pub import: u64,
    pub member: usize,
    /// Since when it is a contact; also in its id.
    pub joined: Timestamp,
}

/// A person with everything that is known about it.
#[derive(Debug)]
pub struct Contact {
    pub id: ContactId,
    pub phone_number: String,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub email: Option<String>,
    pub address: String,
    pub city: &'static str,
    pub state: &'static str,
    pub postal_code: String,
    pub timezone: &'static str,
    pub joined: Timestamp,
}

impl Contact {
    pub fn of(seed: u64, person: Person) -> Contact {
        let Person { list, import, member, joined } = person;
        let mut chance = Chance::of(seed, &[list as u64, import, member as u64]);
        let (first_name, first_ascii) = chance.pick(&FIRST_NAMES);
        let (last_name, last_ascii) = chance.pick(&LAST_NAMES);
        // A step that has no factor in common with the count: neighbours live far apart, and no
        // number comes twice on a list.
        let offset = list * 433 + (import as usize) * 101;
        let number = (offset + member * 7) % MEMBERS_MAX;
        let place = &PLACES[number % PLACES.len()];
        let line = COMPANY_NUMBERS + number / PLACES.len();
        let domain = chance.pick(&["example.com", "example.net", "example.org"]);
        let email = format!("{first_ascii}.{last_ascii}@{domain}");
        // What an id does not take from the time it takes from who it is.
        let rest =
            mix(seed ^ mix((list as u64) << 48 | import << 20 | member as u64)) & 0x003f_ffff;
        Contact {
            id: ContactId::from_raw(first_of_millisecond(joined) | rest),
            phone_number: format!("+1{}55501{line:02}", place.area_code),
            first_name,
            last_name,
            email: chance.percent(85).then_some(email),
            address: format!("{} {}", chance.between(1, 199) * 10, chance.pick(&STREETS)),
            city: place.city,
            state: place.state,
            postal_code: format!("{:05}", place.postal_code),
            timezone: place.timezone,
            joined,
        }
    }

    /// As other events show it.
    pub fn in_short(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "phone_number": self.phone_number,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn contact(list: usize, import: u64, member: usize) -> Contact {
        let joined = Timestamp::from_millis(1_736_951_425_123);
        Contact::of(7, Person { list, import, member, joined })
    }

    #[test]
    fn nobody_has_a_number_that_could_be_somebodys() {
        let mut numbers: BTreeSet<String> = BTreeSet::new();
        for member in 0..MEMBERS_MAX {
            let number = contact(3, 2, member).phone_number;
            assert!(number.starts_with("+1") && number.len() == 12, "{number}");
            assert_eq!(&number[5..10], "55501", "{number}");
            assert!(numbers.insert(number), "a number came twice on one list");
        }
        for position in 0..1_000 {
            let (number, _) = company_number(position);
            assert_eq!((&number[5..10], number.len()), ("55501", 12));
            assert!(!numbers.contains(&number), "{number} is the company's");
        }
    }

    #[test]
    fn a_person_stays_the_same_and_is_another_after_the_next_import() {
        let first = contact(0, 0, 5);
        assert_eq!(first.in_short(), contact(0, 0, 5).in_short());
        assert_ne!(first.id, contact(0, 1, 5).id);
        assert_ne!(first.id, contact(1, 0, 5).id);
        assert_eq!(first.id.created_at(), first.joined);
    }
}
