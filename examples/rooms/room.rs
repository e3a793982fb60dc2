//! A room: who sends in it.

use std::collections::BTreeMap;

use flumen::components::Subject;
use flumen::{DataProducerId, Engine, ProducerId, RouterId, TransportId};
use serde::Serialize;

use crate::news::News;

/// A room.
pub(crate) struct Room {
    /// What its media goes through.
    pub(crate) router: RouterId,
    /// Who sends in it, by the transport that they send over.
    pub(crate) publishers: BTreeMap<TransportId, Publisher>,
    /// How many have begun to send in it.
    began: u64,
    /// How many transports, and what is on them, are in it.
    pub(crate) inhabitants: usize,
    /// What is told about it.
    pub(crate) news: News,
}

/// Who sends in a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publisher {
    /// How many began to send before.
    pub(crate) place: u64,
    /// What others see.
    pub(crate) name: String,
    /// What it sends.
    pub(crate) producers: Vec<ProducerId>,
    /// What it says.
    pub(crate) chat: Option<DataProducerId>,
}

/// A publisher as it is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublisherNews<'a> {
    id: TransportId,
    name: &'a str,
    producers: Vec<ProducerNews>,
    data_producer_id: Option<DataProducerId>,
}

#[derive(Serialize)]
struct ProducerNews {
    id: ProducerId,
    kind: flumen::rtp_parameters::MediaKind,
}

impl Room {
    /// A room that nobody is in.
    pub(crate) fn new(router: RouterId, news: News) -> Self {
        Self {
            router,
            publishers: BTreeMap::new(),
            began: 0,
            inhabitants: 0,
            news,
        }
    }

    /// Who sends over a transport, from now on if nobody did.
    pub(crate) fn publisher(&mut self, transport: TransportId) -> &mut Publisher {
        self.publishers.entry(transport).or_insert_with(|| {
            let place = self.began;
            self.began += 1;
            Publisher {
                place,
                ..Publisher::default()
            }
        })
    }

    /// Who sends in it, as it is told.
    pub(crate) fn list<'a>(&'a self, engine: &Engine) -> Vec<PublisherNews<'a>> {
        let row = |(id, publisher): (&TransportId, &'a Publisher)| PublisherNews {
            id: *id,
            name: &publisher.name,
            producers: publisher
                .producers
                .iter()
                .filter_map(|id| describe(engine, *id))
                .collect(),
            data_producer_id: publisher.chat,
        };
        self.publishers.iter().map(row).collect()
    }

    /// Something is gone; whether that changes who sends what.
    pub(crate) fn forget(&mut self, subject: Subject) -> bool {
        match subject {
            Subject::Transport(id) => self.publishers.remove(&id).is_some(),
            Subject::Producer(id) => self.publishers.values_mut().any(|publisher| {
                let before = publisher.producers.len();
                publisher.producers.retain(|known| *known != id);
                publisher.producers.len() < before
            }),
            Subject::DataProducer(id) => {
                let mut publishers = self.publishers.values_mut();
                let found = publishers.find(|publisher| publisher.chat == Some(id));
                found.is_some_and(|publisher| publisher.chat.take().is_some())
            }
            _ => false,
        }
    }

    /// Tells who sends in it now.
    pub(crate) fn tell_publishers(&self, engine: &Engine) {
        self.news.tell("publishers", &self.list(engine));
    }
}

fn describe(engine: &Engine, id: ProducerId) -> Option<ProducerNews> {
    // One that closed meanwhile is not told.
    let kind = engine.producer_kind(id).ok()?;
    Some(ProducerNews { id, kind })
}
