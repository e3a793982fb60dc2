//! Packets that some consumers do not get, as systems of the application decided.

use bevy_ecs::entity::Entity;
use bevy_ecs::resource::Resource;

use crate::tick::veto::Veto;

/// The packets of this tick that single consumers do not get, though others do.
#[derive(Resource, Debug, Default)]
pub struct Exclusions {
    rows: Vec<Exclusion>,
    is_sorted: bool,
}

/// A packet that a consumer does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The consumer.
    pub consumer: Entity,
    /// Index of the packet in [`Media`](crate::Media).
    pub index: u32,
    /// Why.
    pub veto: Veto,
}

impl Exclusions {
    /// A consumer does not get a packet. Of several reasons the first is the one that counts.
    pub fn add(&mut self, exclusion: Exclusion) {
        self.rows.push(exclusion);
        self.is_sorted = false;
    }

    /// Those of one consumer, in order of the packets.
    #[inline]
    pub fn of(&mut self, consumer: Entity) -> &[Exclusion] {
        match self.rows.is_empty() {
            true => &[],
            false => self.find(consumer),
        }
    }

    /// All packets go to everybody again.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    fn find(&mut self, consumer: Entity) -> &[Exclusion] {
        if !self.is_sorted {
            // Stable, so that the first reason stays the first.
            self.rows.sort_by_key(|row| (row.consumer, row.index));
            self.rows.dedup_by_key(|row| (row.consumer, row.index));
            self.is_sorted = true;
        }
        let start = self.rows.partition_point(|row| row.consumer < consumer);
        let of = |row: &&Exclusion| row.consumer == consumer;
        let count = self.rows[start..].iter().take_while(of).count();
        &self.rows[start..start + count]
    }
}
