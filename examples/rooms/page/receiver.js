// Receives what another participant sends.

import { Session } from "/server.js";

/** A session that receives from a publisher; with what the server calls its parts. */
export async function receive(room, publisher) {
  const session = new Session(`/whep/${room}/${publisher.id}`);
  const stream = new MediaStream();
  try {
    session.connection.addEventListener("track", ({ track }) => stream.addTrack(track));
    for (const { kind } of publisher.producers) {
      session.connection.addTransceiver(kind, { direction: "recvonly" });
    }
    return { session, stream, made: await session.open() };
  } catch (error) {
    session.close();
    throw error;
  }
}
