//! Where a decoder of H.264 can begin.

use bevy_ecs::component::Component;

use crate::media::reception::Arrival;
use crate::wire::codec::h264::Units;

/// Where in an H.264 stream a decoder can begin: at a sequence parameter set; and at an IDR picture
/// that none comes with, since parameter sets may have been agreed on beforehand (RFC 6184 section
/// 8.1). On streams of that codec; written by Receive.
#[derive(Component, Clone, Copy, Debug, Default)]
pub struct EntryPoints {
    newest: Option<u16>,
    /// The RTP timestamp of the latest slice.
    picture: Option<u32>,
    /// A parameter set came since the latest slice.
    parameter_set: bool,
    /// Something was lost since the latest slice.
    gap: bool,
    /// IDR pictures of the stream come with parameter sets, as far as is known.
    in_band: bool,
}

crate::snapshot::state! { struct EntryPoints { newest, picture, parameter_set, gap, in_band } }

impl EntryPoints {
    /// Takes in a packet with this sequence number and RTP timestamp, and these `units`: whether a
    /// decoder can begin with it.
    pub fn take(&mut self, number: u16, timestamp: u32, arrival: Arrival, units: Units) -> bool {
        self.in_band |= units.parameter_set;
        if arrival == Arrival::Late {
            let begins = units.begins_idr && units.begins_picture;
            return units.parameter_set || begins && !self.in_band;
        }
        let step = self.newest.replace(number);
        let step = step.map(|newest| number.wrapping_sub(newest));
        self.gap |= arrival == Arrival::Resync || step.is_some_and(|step| step > 1);
        self.parameter_set |= units.parameter_set;
        if !units.slice {
            return units.parameter_set;
        }
        let announced = std::mem::take(&mut self.parameter_set);
        let gap = std::mem::take(&mut self.gap);
        let continues = self.picture.replace(timestamp) == Some(timestamp);
        if announced || continues || !units.begins_idr {
            return units.parameter_set;
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
        let mut points = EntryPoints::default();
        let mut newest = 0;
        for &(number, picture, payload, expected) in rows {
            let arrival = match number < newest {
                true => Arrival::Late,
                false => Arrival::InOrder,
            };
            newest = newest.max(number);
            let begins = points.take(number, picture * 3_000, arrival, Units::of(payload));
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
}
