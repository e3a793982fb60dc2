//! An engine that was made otherwise is not given a recording to replay.

use std::time::Duration;

use flumen::{Builder, ReplayError, Setup};
use flumen_tests::Room;
use flumen_tests::disk::{Disk, open, replay_with};

fn first(_: &mut Setup) {}
fn second(_: &mut Setup) {}

/// A run with two plugins and some limits of its own.
fn file() -> Vec<u8> {
    let disk = Disk::default();
    let mut room = Room::with(|builder| plugged(limited(builder)).record_to(disk.clone()));
    room.tick();
    disk.finish(&mut room.engine)
}

fn limited(builder: Builder) -> Builder {
    builder
        .datagrams_per_tick(77)
        .liveness_timeout(Duration::from_secs(3))
}

fn plugged(builder: Builder) -> Builder {
    builder.plugin(first).plugin(second)
}

fn refused(configure: impl FnOnce(Builder) -> Builder) -> ReplayError {
    replay_with(&file(), configure).unwrap_err()
}

#[test]
fn the_builder_of_a_recording_has_its_limits() {
    replay_with(&file(), plugged).unwrap();
    let recording = open(&file()).unwrap();
    assert_eq!(recording.engine_version(), env!("CARGO_PKG_VERSION"));
    let plugins = recording.plugins();
    assert!(
        plugins[0].ends_with("first") && plugins[1].ends_with("second"),
        "{plugins:?}"
    );
}

#[test]
fn an_applications_own_builder_will_do() {
    let file = file();
    let own = |_| plugged(limited(flumen::Engine::builder()));
    replay_with(&file, own).unwrap();
}

#[test]
fn a_limit_that_was_changed_is_named() {
    let error = refused(|builder| plugged(builder).datagrams_per_tick(78));
    let ReplayError::SettingChanged {
        name,
        recorded,
        given,
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        [name, recorded, given].map(String::as_str),
        ["datagrams_per_tick", "77", "78"]
    );
    assert_eq!(error.to_string(), "datagrams_per_tick was 77 and is 78");
    let changes: [(&str, fn(Builder) -> Builder); 5] = [
        ("liveness_timeout", |builder| {
            builder.liveness_timeout(Duration::ZERO)
        }),
        ("port_range", |builder| builder.port_range(1, 2)),
        ("lowest_layer_always", |builder| {
            builder.lowest_layer_always(false)
        }),
        ("key_frame_retry", |builder| {
            builder.key_frame_retry_interval(Duration::from_secs(2))
        }),
        ("pipeline", Builder::without_pipeline),
    ];
    for (changed, change) in changes {
        let error = refused(|builder| plugged(change(builder)));
        let ReplayError::SettingChanged { name, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(name, changed);
    }
}

#[test]
fn a_plugin_that_is_missing_or_was_not_there_is_named() {
    let error = refused(|builder| builder.plugin(first));
    assert!(
        matches!(&error, ReplayError::PluginMissing(name) if name.ends_with("second")),
        "{error}"
    );
    let third = |_: &mut Setup| {};
    let error = refused(|builder| plugged(builder).plugin(third));
    assert!(matches!(&error, ReplayError::PluginUnknown(_)), "{error}");
    let error = refused(|builder| builder.plugin(second).plugin(first));
    assert!(matches!(error, ReplayError::PluginOrder), "{error}");
}
