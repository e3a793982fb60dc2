//! The header extensions that routers know, and the identifiers they give them.

pub use flumen_wire::extension::ExtensionKind as HeaderExtension;

/// The identifier of an extension in the packets that a router sends: the same in every router,
/// 1 to 12.
pub const fn router_id(extension: HeaderExtension) -> u8 {
    extension as u8 + 1
}
