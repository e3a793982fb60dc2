//! Why the system would not send, in the words of the egress ledger.

use std::io;

use flumen_components::Refusal;

pub(super) fn refusal(error: &io::Error) -> Refusal {
    let known = error.raw_os_error().and_then(by_code);
    known.unwrap_or(Refusal::SystemError)
}

#[cfg(unix)]
fn by_code(errno: i32) -> Option<Refusal> {
    Some(match errno {
        libc::EMSGSIZE => Refusal::TooLarge,
        libc::EHOSTUNREACH | libc::ENETUNREACH => Refusal::Unreachable,
        libc::ECONNREFUSED | libc::EHOSTDOWN | libc::ENETDOWN => Refusal::Unreachable,
        libc::EPERM | libc::EACCES => Refusal::NotPermitted,
        libc::EINVAL | libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL => Refusal::AddressInvalid,
        libc::ENOBUFS | libc::ENOMEM => Refusal::NoBuffers,
        _ => return None,
    })
}

/// The same by the numbers of Winsock: WSAEMSGSIZE, WSAEHOSTUNREACH ...
#[cfg(not(unix))]
fn by_code(errno: i32) -> Option<Refusal> {
    Some(match errno {
        10040 => Refusal::TooLarge,
        10065 | 10051 | 10061 | 10064 | 10050 | 10054 => Refusal::Unreachable,
        10013 => Refusal::NotPermitted,
        10022 | 10047 | 10049 => Refusal::AddressInvalid,
        10055 => Refusal::NoBuffers,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn errors_of_the_system_have_a_name_in_the_ledger() {
        let names = [
            (libc::EMSGSIZE, Refusal::TooLarge),
            (libc::ENETUNREACH, Refusal::Unreachable),
            (libc::EPERM, Refusal::NotPermitted),
            (libc::EINVAL, Refusal::AddressInvalid),
            (libc::ENOBUFS, Refusal::NoBuffers),
            (libc::EPIPE, Refusal::SystemError),
        ];
        for (errno, expected) in names {
            assert_eq!(refusal(&io::Error::from_raw_os_error(errno)), expected);
        }
        assert_eq!(refusal(&io::ErrorKind::Other.into()), Refusal::SystemError);
    }
}
