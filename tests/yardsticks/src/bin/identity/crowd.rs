//! The people of the measurement and what they do. Every event has a messageId of its own, rising as it arrives.

use selvedge_collector::event::{AcceptedEvent, Claimed, EventType, Order, Strength, Trust, UnixMillis};
use selvedge_core::identifier::{Identifier, Kind};

/// Makes events, each once.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    events: u64,
    devices: u64,
    links: u64,
}

impl Crowd {
    /// The `n`th event of a person: the first three before the login.
    pub(crate) fn event_of(&mut self, person: u64, n: u64) -> AcceptedEvent {
        let device = name(Kind::ANONYMOUS_ID, format!("a{person}"));
        match n {
            0..=2 => self.event(vec![device], EventType::Page),
            3 => {
                let claim = vec![account(person), address(person), device];
                let mut login = self.event(claim, EventType::Identify);
                login.traits = vec![("plan".into(), "\"gold\"".into()), ("city".into(), "\"Ulm\"".into())];
                login
            }
            _ => self.event(vec![account(person), device], EventType::Track),
        }
    }

    /// A person's address beside the next one's account.
    pub(crate) fn shared_address(&mut self, person: u64) -> AcceptedEvent {
        self.event(vec![account(person + 1), address(person)], EventType::Identify)
    }

    pub(crate) fn event_of_nobody(&mut self) -> AcceptedEvent {
        self.event(Vec::new(), EventType::Track)
    }

    pub(crate) fn new_device(&mut self) -> Identifier {
        self.devices += 1;
        name(Kind::ANONYMOUS_ID, format!("new-a{}", self.devices))
    }

    pub(crate) fn anonymous(&mut self, device: &Identifier) -> AcceptedEvent {
        self.event(vec![device.clone()], EventType::Page)
    }

    /// Somebody new on a device.
    pub(crate) fn first_login(&mut self, device: &Identifier) -> AcceptedEvent {
        let person = NEW_PEOPLE + self.events;
        self.event(vec![account(person), address(person), device.clone()], EventType::Identify)
    }

    /// The same, and its event is from the middle of what is there.
    pub(crate) fn login_in_the_past(&mut self, device: &Identifier) -> AcceptedEvent {
        let mut login = self.first_login(device);
        login.order.time = UnixMillis(login.order.time.0 - 5_000);
        login
    }

    /// Somebody new, with the address that far too many have.
    pub(crate) fn call_of_the_centre(&mut self) -> AcceptedEvent {
        let person = NEW_PEOPLE + self.events;
        let desk = name(Kind::EMAIL, "desk@centre.example".into());
        self.event(vec![account(person), desk], EventType::Identify)
    }

    /// An address that only its digest is known of.
    pub(crate) fn hashed_address(&mut self) -> AcceptedEvent {
        let digest = name(Kind::EMAIL, format!("sha256.{:064x}", self.events));
        self.event(vec![digest], EventType::Identify)
    }

    /// How long the chain is.
    pub(crate) fn links(&self) -> u64 {
        self.links
    }

    /// An account with an address, and the next account with the same one, later.
    pub(crate) fn link_of_the_chain(&mut self, link: u64) -> Vec<AcceptedEvent> {
        self.links = link + 1;
        let owner = self.event(vec![chain_account(link), chain_address(link)], EventType::Identify);
        let rival = self.event(vec![chain_account(link + 1), chain_address(link)], EventType::Identify);
        vec![owner, rival]
    }

    /// The next account claims an address of the chain, from before everything: it moves.
    pub(crate) fn back_dated_rival(&mut self, link: u64) -> AcceptedEvent {
        let mut claim = self.event(vec![chain_account(link + 1), chain_address(link)], EventType::Identify);
        claim.order.time = UnixMillis(-1_000_000 - self.events.cast_signed());
        claim
    }

    /// One of a person's three names.
    pub(crate) fn any_name(&self, person: u64, n: u64) -> Identifier {
        match n % 3 {
            0 => account(person),
            1 => address(person),
            _ => name(Kind::ANONYMOUS_ID, format!("a{person}")),
        }
    }

    fn event(&mut self, claim: Vec<Identifier>, event_type: EventType) -> AcceptedEvent {
        self.events += 1;
        let order =
            Order { time: UnixMillis(self.events.cast_signed()), message_id: format!("m-{:016x}", self.events).into() };
        let strength = Strength::Observed;
        AcceptedEvent {
            index: 0,
            order,
            event_type,
            name: Some("Product Viewed".into()),
            claim: claim.into_iter().map(|identifier| Claimed { identifier, strength }).collect(),
            trust: Trust::Guarded,
            older_account: None,
            lost_names: false,
            traits: Vec::new(),
            snapshot: None,
            raw: RAW.into(),
        }
    }
}

fn account(person: u64) -> Identifier {
    name(Kind::USER_ID, format!("u{person}"))
}

fn address(person: u64) -> Identifier {
    name(Kind::EMAIL, format!("someone.{person}@mail.example"))
}

pub(crate) fn chain_account(link: u64) -> Identifier {
    name(Kind::USER_ID, format!("chain-u{link}"))
}

pub(crate) fn chain_address(link: u64) -> Identifier {
    name(Kind::EMAIL, format!("chain-{link}@mail.example"))
}

fn name(kind: Kind, value: String) -> Identifier {
    Identifier::new(kind, value)
}

/// Above everybody who was loaded.
const NEW_PEOPLE: u64 = 1 << 40;
/// Some 300 bytes, as an event of a shop is.
const RAW: &str = r#"{"type":"track","event":"Product Viewed","anonymousId":"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b","userId":"customer-1234567","properties":{"product_id":"sku-83271","name":"Indigo denim, 13 oz","price":24.5,"currency":"EUR","category":"denim","position":4},"context":{"page":{"path":"/product","title":"Denim"}}}"#;
