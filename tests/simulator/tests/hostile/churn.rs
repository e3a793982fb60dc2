//! Guests who come as browsers do, one after the other, and go in the midst of anything.

use std::collections::VecDeque;
use std::time::Duration;

use flumen::DtlsState;
use flumen_sim::{Audio, Feedback, Link, Loss, Messages, Peer, PeerId, Video};

use super::heard::{assert_same, by_stream, without_requests};
use super::{Call, Manner, camera, victim};

/// Guests who are there at one time.
const GUESTS: usize = 5;
/// Steps between two of them.
const PAUSE: u32 = 8;

/// Of four one after the other: one stays long enough to be heard and seen, one goes amid its handshake,
/// one's datagrams are mostly lost, and one has none of what was sent to it.
fn guest(number: u32) -> Peer {
    let guest = Peer::new()
        .audio(Audio::opus())
        .video(Video::vp8())
        .messages(Messages::every(Duration::from_millis(20), 100))
        .webrtc();
    match number % 4 {
        1 => guest.link(Link::new().latency(Duration::from_millis(90))),
        2 => guest.link(Link::new().loss(Loss::percent(60))),
        3 => guest.down(Link::new().loss(Loss::percent(100))),
        _ => guest,
    }
}

struct Guests {
    here: VecDeque<PeerId>,
    steps: u32,
    /// Those who found the engine and shook hands with it.
    connected: u32,
}

impl Guests {
    fn come_and_go(&mut self, call: &mut Call) {
        self.steps += 1;
        if call.manner == Manner::Silent || !self.steps.is_multiple_of(PAUSE) {
            return;
        }
        if self.here.len() == GUESTS
            && let Some(oldest) = self.here.pop_front()
        {
            let transport = call.room.transport(oldest);
            let state = call.room.engine().dtls_state(transport);
            self.connected += u32::from(state == Ok(DtlsState::Connected));
            call.room.leave(oldest);
        }
        self.here
            .push_back(call.room.join(guest(self.steps / PAUSE)));
    }
}

#[test]
fn handshakes_of_those_who_come_and_go_change_nothing_for_those_who_stay() {
    let played = [Manner::Silent, Manner::Attacks].map(|manner| {
        let camera = Video {
            // Guests ask for key frames.
            reaction: Duration::from_secs(3_600),
            ..camera()
        };
        let victim = victim(camera).feedback(Feedback::None);
        let call = Call::of(manner, victim, Peer::new().deaf());
        let mut guests = Guests {
            here: VecDeque::new(),
            steps: 0,
            connected: 0,
        };
        let outcome = call.play(|call| guests.come_and_go(call));
        (outcome, guests.connected)
    });
    let [(calm, _), (churned, connected)] = played;
    assert!(connected > 20, "{connected} shook hands");
    assert_eq!(churned.messages, calm.messages);
    let [calm, churned] = [calm, churned].map(|it| without_requests(by_stream(it.got)).0);
    assert_same(&calm, &churned, Duration::ZERO);
}
