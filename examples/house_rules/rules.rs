//! Three small systems: one filters, one rewrites, one adds. The ledgers stay closed, and tell each
//! veto by its name.

use std::time::Duration;

use flumen::components::{DataMessages, Deadlines, Due, Now, Packets, Time};
use flumen::ecs as bevy_ecs;
use flumen::ecs::error::Result;
use flumen::ecs::prelude::*;
use flumen::{Message, Setup, Slot, Stage, Veto};

/// The reasons that this application lets things go no further for.
#[derive(Resource)]
struct Reasons {
    too_short: Veto,
    rude: Veto,
}

/// On a producer that nobody sends to: what is played into it.
#[derive(Component)]
pub(crate) struct Announcement {
    /// The payload type and SSRC of the producer.
    pub(crate) payload_type: u8,
    /// See there.
    pub(crate) ssrc: u32,
    /// How many packets are still to come.
    pub(crate) packets_left: u16,
    /// When the next one is due.
    pub(crate) next_at: Time,
}

/// What an engine is built with: `Engine::builder().plugin(house_rules)`.
pub(crate) fn house_rules(setup: &mut Setup) {
    let reasons = Reasons {
        too_short: setup.veto("tooShort"),
        rude: setup.veto("rude"),
    };
    setup.world_mut().insert_resource(reasons);
    setup.add_systems(Stage::Demux, Slot::Before, announce);
    setup.add_systems(Stage::Receive, Slot::After, (filter, rewrite).chain());
}

/// A filter: voice of less than four bytes is comfort noise, which nobody needs to get, and some
/// words are not passed on.
fn filter(
    mut packets: Packets<'_, '_>,
    mut messages: DataMessages<'_, '_>,
    reasons: Res<'_, Reasons>,
) -> Result {
    for index in 0..packets.len() {
        if packets
            .get(index)
            .is_some_and(|packet| packet.payload().len() < 4)
        {
            packets.veto(index, reasons.too_short)?;
        }
    }
    for index in 0..messages.len() {
        if messages
            .get(index)
            .is_some_and(|message| message.payload == b"damn")
        {
            messages.veto(index, reasons.rude)?;
        }
    }
    Ok(())
}

/// A rewriter: what is left is turned round, and nobody shouts.
fn rewrite(mut packets: Packets<'_, '_>, mut messages: DataMessages<'_, '_>) -> Result {
    for index in 0..packets.len() {
        if packets.get(index).is_some() {
            packets.rewrite(index, |draft| {
                draft.payload_mut().reverse();
                draft.set_marker(true);
            })?;
        }
    }
    for index in 0..messages.len() {
        let Some(message) = messages.get(index) else {
            continue;
        };
        let (ppid, quiet) = (message.ppid, message.payload.to_ascii_lowercase());
        messages.rewrite(index, ppid, &quiet)?;
    }
    Ok(())
}

/// An injector: plays announcements into producers that nobody sends to, and says so in the chat.
fn announce(
    mut packets: Packets<'_, '_>,
    mut messages: DataMessages<'_, '_>,
    mut announcements: Query<'_, '_, (Entity, &mut Announcement)>,
    chats: Query<'_, '_, Entity, With<Chat>>,
    mut deadlines: ResMut<'_, Deadlines>,
    now: Res<'_, Now>,
) -> Result {
    for (producer, mut announcement) in &mut announcements {
        if announcement.packets_left == 0 || now.time < announcement.next_at {
            continue;
        }
        packets.inject(producer, &announcement.packet())?;
        announcement.packets_left -= 1;
        if announcement.packets_left > 0 {
            announcement.next_at = now.time + Duration::from_millis(20);
            deadlines.set(announcement.next_at, producer, Due::User(0));
            continue;
        }
        for chat in &chats {
            messages.inject(chat, &Message::text("the announcement is over"))?;
        }
    }
    Ok(())
}

/// On a data producer that is told of announcements.
#[derive(Component)]
pub(crate) struct Chat;

impl Announcement {
    /// The next packet, of 20 ms at 48 kHz: it counts down, and its timestamp up.
    fn packet(&self) -> Vec<u8> {
        let number = self.packets_left.wrapping_neg();
        let mut packet = vec![0x80, self.payload_type];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 960).to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(b"dong");
        packet
    }
}
