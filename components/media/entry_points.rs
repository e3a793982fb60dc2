//! Where a decoder of H.264 or H.265 can begin.

use bevy_ecs::component::Component;

use crate::media::reception::Arrival;
use crate::wire::codec::Units;

/// Where in a stream of H.264 or H.265 a decoder can begin: at the first parameter set of a sequence;
/// and at a picture that needs no other and that none comes with, since parameter sets may have been
/// agreed on beforehand (RFC 6184 section 8.1, RFC 7798 section 7.1). On streams of these codecs;
/// written by Receive.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct EntryPoints {
    newest: Option<u16>,
    /// The RTP timestamp of the latest slice.
    picture: Option<u32>,
    /// A parameter set came since the latest slice: its RTP timestamp.
    announced: Option<u32>,
    /// Something was lost since the latest slice.
    gap: bool,
    /// Such pictures of the stream come with parameter sets, as far as is known.
    in_band: bool,
}

crate::snapshot::state! { struct EntryPoints { newest, picture, announced, gap, in_band } }

impl EntryPoints {
    /// Takes in a packet with this sequence number and RTP timestamp, and these `units`: whether a
    /// decoder can begin with it.
    pub fn take(&mut self, number: u16, timestamp: u32, arrival: Arrival, units: Units) -> bool {
        self.in_band |= units.parameter_set;
        if arrival == Arrival::Late {
            let begins = units.begins_entry && units.begins_picture;
            return units.parameter_set || begins && !self.in_band;
        }
        let step = self.newest.replace(number);
        let step = step.map(|newest| number.wrapping_sub(newest));
        self.gap |= arrival == Arrival::Resync || step.is_some_and(|step| step > 1);
        // H.265 has one of the video in front of that of the sequence.
        let is_first = units.parameter_set && self.announced != Some(timestamp);
        if units.parameter_set {
            self.announced = Some(timestamp);
        }
        if !units.slice {
            return is_first;
        }
        let announced = self.announced.take().is_some();
        let gap = std::mem::take(&mut self.gap);
        let continues = self.picture.replace(timestamp) == Some(timestamp);
        if announced || continues || !units.begins_entry {
            return is_first;
        }
        if gap {
            // What is lost may have been its parameter sets, or the beginning of the picture.
            return units.begins_picture && !self.in_band;
        }
        self.in_band = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::{h264, h265};

    const SPS: &[u8] = &[0x67, 0x42];
    const PPS: &[u8] = &[0x68, 0xce];
    /// The first slice of an IDR picture, and another one.
    const IDR: &[u8] = &[0x65, 0x88];
    const MORE: &[u8] = &[0x65, 0x48];
    const DELTA: &[u8] = &[0x41, 0x9a];
    /// The first and the second fragment of an IDR slice.
    const FRAGMENTS: [&[u8]; 2] = [&[0x7c, 0x85, 0x88], &[0x7c, 0x05, 1]];

    /// Rows: number, picture, payload, whether a decoder can begin there. A number that is not
    /// ahead is late.
    fn check(rows: &[(u16, u32, &[u8], bool)]) {
        check_units(h264::units, rows);
    }

    fn check_units(units: fn(&[u8]) -> Units, rows: &[(u16, u32, &[u8], bool)]) {
        let mut points = EntryPoints::default();
        let mut newest = 0;
        for &(number, picture, payload, expected) in rows {
            let arrival = match number < newest {
                true => Arrival::Late,
                false => Arrival::InOrder,
            };
            newest = newest.max(number);
            let begins = points.take(number, picture * 3_000, arrival, units(payload));
            assert_eq!(begins, expected, "{number}: {payload:02x?}");
        }
    }

    #[test]
    fn parameter_sets_in_band_begin_a_run_and_their_picture_does_not() {
        check(&[
            (1, 1, SPS, true),
            (2, 1, PPS, false),
            (3, 1, IDR, false),
            (4, 1, MORE, false),
            (5, 2, DELTA, false),
            (6, 3, SPS, true),
            (7, 3, FRAGMENTS[0], false),
            (8, 3, FRAGMENTS[1], false),
        ]);
        // In one packet with their picture.
        check(&[
            (1, 1, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x65, 0x88], true),
            (2, 1, MORE, false),
        ]);
    }

    #[test]
    fn an_idr_picture_begins_a_run_where_no_parameter_sets_come_with_it() {
        check(&[
            (1, 1, DELTA, false),
            (2, 2, IDR, true),
            (3, 2, MORE, false),
            (4, 3, FRAGMENTS[0], true),
            (5, 3, FRAGMENTS[1], false),
            (6, 4, &[0x78, 0, 1, 6, 0, 2, 0x65, 0x88], true),
        ]);
    }

    #[test]
    fn a_stream_whose_parameter_sets_come_once_begins_at_each_idr_picture_after_them() {
        check(&[
            (1, 1, SPS, true),
            (2, 1, PPS, false),
            (3, 1, IDR, false),
            (4, 2, DELTA, false),
            (5, 3, IDR, true),
            (6, 4, DELTA, false),
            // The stream is known to have none in band by now.
            (8, 6, IDR, true),
        ]);
    }

    #[test]
    fn where_parameter_sets_may_have_been_lost_their_picture_begins_no_run() {
        check(&[
            (1, 1, SPS, true),
            (2, 1, IDR, false),
            (3, 2, DELTA, false),
            // 4 was the parameter set.
            (5, 3, IDR, false),
            (4, 3, SPS, true),
            (6, 4, DELTA, false),
            (7, 5, SPS, true),
        ]);
    }

    #[test]
    fn half_a_picture_begins_no_run() {
        check(&[(1, 1, DELTA, false), (3, 2, MORE, false), (4, 3, IDR, true)]);
        // What is sent again is judged by itself.
        check(&[
            (1, 1, DELTA, false),
            (4, 3, DELTA, false),
            (3, 2, MORE, false),
            (2, 2, IDR, true),
        ]);
    }

    #[test]
    fn h265_begins_with_the_first_of_its_parameter_sets() {
        let (vps, sps, pps) = (&[0x40, 1, 0x0c], &[0x42, 1, 1], &[0x44, 1, 0xc1]);
        let (idr, cra, delta) = (&[0x26, 1, 0xaf], &[0x2a, 1, 0xaf], &[0x02, 1, 0xd0]);
        check_units(
            h265::units,
            &[
                (1, 1, vps, true),
                (2, 1, sps, false),
                (3, 1, pps, false),
                (4, 1, idr, false),
                (5, 2, delta, false),
                // One packet for all three, and a CRA picture in fragments.
                (
                    6,
                    3,
                    &[0x60, 1, 0, 2, 0x40, 1, 0, 2, 0x42, 1, 0, 2, 0x44, 1],
                    true,
                ),
                (7, 3, &[0x62, 1, 0x95, 0xaf], false),
                (8, 3, &[0x62, 1, 0x15, 0xaf], false),
                (9, 4, delta, false),
                // Sets are not repeated any more.
                (10, 5, cra, true),
                // One was lost, with its picture.
                (11, 6, vps, true),
                (14, 7, vps, true),
                (15, 7, sps, false),
                (16, 7, idr, false),
                // The one in front of it comes late.
                (18, 8, sps, true),
                (19, 8, idr, false),
                (17, 8, vps, true),
            ],
        );
    }
}
