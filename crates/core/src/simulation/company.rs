//! What is kept of the company while it lives: its agents, its lists, its campaigns, and how far
//! its ids have come.

use super::Plan;
use super::agents::{Agent, Channel, GROWTH_MAX, Status};
use super::campaigns::Campaigns;
use super::chance::{Chance, mix};
use super::people::{MEMBERS_MAX, Person};
use crate::id::{PowerlistId, first_of_millisecond};
use crate::time::Timestamp;

const LISTS_MADE_UP: u64 = 8;
/// Longest ago that a contact of a list was imported.
const OLDEST_CONTACT_MS: u64 = 60 * 86_400_000;

#[derive(Debug)]
pub struct Company {
    pub seed: u64,
    pub agents: Vec<Agent>,
    pub agents_max: usize,
    pub lists: Vec<List>,
    pub campaigns: Campaigns,
    pub numbers: Numbers,
}

/// A powerlist and who is on it.
#[derive(Debug)]
pub struct List {
    pub id: PowerlistId,
    /// The number of the campaign that last went through it; 0 if none has.
    pub last_campaign: u64,
    import: u64,
    members: Vec<Member>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    joined: Timestamp,
    state: MemberState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberState {
    Reachable,
    /// Wants no messages and no calls.
    OptedOut,
    Deleted,
}

/// Ids that count on, from a place that is the seed's.
#[derive(Debug)]
pub struct Numbers {
    first: u64,
    last: u64,
}

impl Numbers {
    /// `call_987654321`: no two are alike, whatever their prefix.
    pub fn id(&self, prefix: &str, number: u64) -> String {
        format!("{prefix}_{:09}", self.first + number)
    }

    pub fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Company {
    pub fn new(plan: &Plan) -> Company {
        let Plan { seed, start, rate, .. } = *plan;
        let agents = ((rate * 3.0) as usize).clamp(8, 2_000);
        let members = ((rate * 8.0) as usize).clamp(40, MEMBERS_MAX - 400);
        let ids = if plan.powerlists.is_empty() {
            (0..LISTS_MADE_UP).map(|list| made_up_list(seed, start, list)).collect()
        } else {
            plan.powerlists.clone()
        };
        let list = |(position, id)| List::new(seed, start, position, id, members);
        Company {
            seed,
            agents: (0..agents).map(|position| Agent::new(seed, position)).collect(),
            agents_max: agents * GROWTH_MAX,
            lists: ids.into_iter().enumerate().map(list).collect(),
            campaigns: Campaigns::default(),
            numbers: Numbers { first: Chance::of(seed, &[1]).between(1, 800) * 1_000_000, last: 0 },
        }
    }

    pub fn online_percent(&self, channel: Channel) -> usize {
        let of_it = self.agents.iter().filter(|agent| agent.channel == channel);
        let (mut all, mut online) = (0, 0);
        for agent in of_it {
            all += 1;
            online += usize::from(agent.status != Status::Offline);
        }
        online * 100 / all
    }

    /// Somebody who may be called or texted, on whichever list.
    pub fn anybody(&mut self, now: Timestamp, chance: &mut Chance) -> Person {
        let list = chance.below(self.lists.len());
        let offset = chance.below(self.lists[list].members.len());
        self.next_on(list, offset).unwrap_or_else(|| {
            self.lists[list].import_anew(now);
            self.person(list, offset)
        })
    }

    /// The first one who may be called from `member` on, round the list.
    fn next_on(&self, list: usize, member: usize) -> Option<Person> {
        let members = self.lists[list].members.len();
        let mut round = (0..members).map(|step| (member + step) % members);
        round
            .find(|member| self.lists[list].is_reachable(*member))
            .map(|member| self.person(list, member))
    }

    pub fn person(&self, list: usize, member: usize) -> Person {
        let of = &self.lists[list];
        Person { list, import: of.import, member, joined: of.members[member].joined }
    }

    /// Whether a person may be called or texted.
    pub fn is_reachable(&self, person: Person) -> bool {
        self.state(person) == MemberState::Reachable
    }

    pub fn is_deleted(&self, person: Person) -> bool {
        self.state(person) == MemberState::Deleted
    }

    fn state(&self, person: Person) -> MemberState {
        let list = &self.lists[person.list];
        // Who was there before the last import is not on the list any more.
        let is_there = list.import == person.import;
        if is_there { list.members[person.member].state } else { MemberState::Deleted }
    }

    pub fn opt_out(&mut self, person: Person) {
        self.set(person, MemberState::OptedOut);
    }

    pub fn delete(&mut self, person: Person) {
        self.set(person, MemberState::Deleted);
    }

    fn set(&mut self, person: Person, state: MemberState) {
        let list = &mut self.lists[person.list];
        if list.import == person.import {
            list.members[person.member].state = state;
        }
    }
}

impl List {
    fn new(seed: u64, start: Timestamp, position: usize, id: PowerlistId, members: usize) -> List {
        let member = |member: usize| {
            let mut chance = Chance::of(seed, &[2, position as u64, member as u64]);
            let ago = chance.between(60_000, OLDEST_CONTACT_MS);
            let joined = start.saturating_sub(std::time::Duration::from_millis(ago));
            Member { joined, state: MemberState::Reachable }
        };
        List { id, last_campaign: 0, import: 0, members: (0..members).map(member).collect() }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// How often it was imported anew.
    pub fn import(&self) -> u64 {
        self.import
    }

    pub fn is_reachable(&self, member: usize) -> bool {
        self.members[member].state == MemberState::Reachable
    }

    pub fn reachable(&self) -> usize {
        (0..self.members.len()).filter(|member| self.is_reachable(*member)).count()
    }

    /// Puts somebody new on the list, as far as there are numbers; gives their place.
    pub fn join(&mut self, now: Timestamp) -> Option<usize> {
        if self.members.len() == MEMBERS_MAX {
            return None;
        }
        self.members.push(Member { joined: now, state: MemberState::Reachable });
        Some(self.members.len() - 1)
    }

    /// Other people in place of those who were there, when most of them want no calls any more.
    pub fn import_anew(&mut self, now: Timestamp) {
        self.import += 1;
        self.members.fill(Member { joined: now, state: MemberState::Reachable });
    }
}

fn made_up_list(seed: u64, start: Timestamp, list: u64) -> PowerlistId {
    let age = std::time::Duration::from_hours(24 * (70 + 9 * list));
    let rest = mix(seed ^ mix(list)) & 0x003f_ffff;
    PowerlistId::from_raw(first_of_millisecond(start.saturating_sub(age)) | rest)
}
