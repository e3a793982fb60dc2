//! What a system adds to what leaves.

use std::time::Duration;

use flumen::components::wire::rtcp::{SenderInfo, write_bye, write_cname, write_sender_report};
use flumen::components::{Destination, Ledger, Now, Outbox, Outgoing, OutgoingKind, Packets, Time};
use flumen::ecs::entity::Entity;
use flumen::ecs::prelude::{BevyError, Local, Query, Res, ResMut, With};
use flumen::rtp_parameters::MediaKind;
use flumen::{ProducerId, Slot, Stage};

use super::{broken, call, spoilt, spoilt_at};

pub(super) fn add(outbox: &mut Outbox, ledger: &mut Ledger, to: Destination, bytes: &[u8]) {
    let start = outbox.headers.len() as u32;
    outbox.headers.extend(bytes);
    outbox.push_to(to, Outgoing::generated(start, bytes.len() as u16));
    ledger.generated += 1;
}

#[test]
fn a_report_of_a_stream_of_nobody_breaks_the_rule_of_strangers() {
    /// Says something of SSRC 77, which nobody has.
    fn say(outbox: &mut Outbox, ledger: &mut Ledger, write: fn(&mut Vec<u8>)) {
        if let Some(&to) = outbox.destinations.last() {
            let mut bytes = Vec::new();
            write(&mut bytes);
            add(outbox, ledger, to, &bytes);
        }
    }
    fn report(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>) {
        say(&mut outbox, &mut ledger, |bytes| {
            let info = SenderInfo {
                ssrc: 77,
                ntp: 1,
                rtp_timestamp: 1,
                packet_count: 1,
                octet_count: 1,
            };
            write_sender_report(bytes, &info);
        });
    }
    fn part(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>) {
        say(&mut outbox, &mut ledger, |bytes| write_bye(bytes, &[77]));
    }
    fn name(mut outbox: ResMut<'_, Outbox>, mut ledger: ResMut<'_, Ledger>) {
        say(&mut outbox, &mut ledger, |bytes| {
            write_cname(bytes, 77, b"somebody");
        });
    }
    for broken in [spoilt(report), spoilt(part), spoilt(name)] {
        assert_eq!(broken.check, "strangers", "{broken}");
        assert!(broken.what.contains("SSRC 77"), "{broken}");
    }
}

#[test]
fn a_packet_in_each_tick_that_asks_for_another_is_a_standstill() {
    /// Adds RTP of SSRC 0, which nobody has; it belongs to the next tick, which follows at once.
    fn inject(
        mut packets: Packets<'_, '_>,
        producers: Query<'_, '_, Entity, With<ProducerId>>,
    ) -> Result<(), BevyError> {
        for producer in producers.iter().take(1) {
            packets.inject(producer, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        }
        Ok(())
    }
    let broken = spoilt_at(Stage::Receive, inject);
    assert_eq!(broken.check, "standstill", "{broken}");
}

#[test]
fn a_packet_of_a_closed_consumer_breaks_the_afterlife() {
    /// Goes on with empty packets of sound where there were none for a second.
    fn haunt(
        mut outbox: ResMut<'_, Outbox>,
        mut ledger: ResMut<'_, Ledger>,
        now: Res<'_, Now>,
        mut last: Local<'_, Option<(Time, Destination, Vec<u8>)>>,
    ) {
        let mut rows = outbox.rows.iter();
        if let Some(row) = rows.find(|row| row.kind == OutgoingKind::Audio) {
            let start = row.header_start as usize;
            let header = outbox.headers[start..start + usize::from(row.header_len)].to_vec();
            let to = outbox.destinations[row.destination as usize];
            *last = Some((now.time, to, header));
        }
        if let Some((at, to, header)) = &mut *last
            && now.time > *at + Duration::from_secs(1)
        {
            super::add(&mut header[..4], 1);
            add(&mut outbox, &mut ledger, *to, header);
        }
    }
    let configure =
        |builder: flumen::Builder| builder.add_systems(Stage::Feedback, Slot::After, haunt);
    let (mut room, alice, bob) = call(configure);
    room.run_for(Duration::from_secs(2));
    let consumer = room.consumer(bob, alice, MediaKind::Audio).unwrap();
    room.engine_mut().close_consumer(consumer).unwrap();
    let broken = broken(&mut room);
    assert_eq!(broken.check, "afterlife");
    assert!(broken.what.ends_with("which is closed"), "{broken}");
}
