// Sends this participant's media.

import { Session } from "/server.js";

const SIMULCAST = [
  { rid: "r0", scaleResolutionDownBy: 4, maxBitrate: 150_000, scalabilityMode: "L1T3" },
  { rid: "r1", scaleResolutionDownBy: 2, maxBitrate: 500_000, scalabilityMode: "L1T3" },
  { rid: "r2", scaleResolutionDownBy: 1, maxBitrate: 1_700_000, scalabilityMode: "L1T3" },
];
/** Several spatial layers in one stream, where the codec has them. */
const LAYERED = { VP9: "L3T3_KEY", AV1: "L3T3_KEY" };

/** A session that sends the stream; with what the server calls its parts. */
export async function send(room, name, stream, codec, simulcast) {
  const sendEncodings = encodings(codec, simulcast);
  const about = new URLSearchParams({ name });
  // SDP does not say how many layers there are.
  const { scalabilityMode } = sendEncodings[0];
  if (scalabilityMode) about.set("scalabilityMode", scalabilityMode);
  const session = new Session(`/whip/${room}?${about}`);
  try {
    const { connection } = session;
    for (const track of stream.getAudioTracks()) {
      connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    }
    for (const track of stream.getVideoTracks()) {
      prefer(connection.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings }), codec);
    }
    return { session, made: await session.open() };
  } catch (error) {
    session.close();
    throw error;
  }
}

function encodings(codec, simulcast) {
  if (!simulcast) return [{ maxBitrate: 1_700_000 }];
  const scalabilityMode = LAYERED[codec];
  if (scalabilityMode) return [{ scalabilityMode, maxBitrate: 2_000_000 }];
  // H.264 has no temporal layers here.
  return SIMULCAST.map((encoding) => (codec === "VP8" ? encoding : { ...encoding, scalabilityMode: "L1T1" }));
}

function prefer(transceiver, codec) {
  const all = RTCRtpSender.getCapabilities("video").codecs;
  const wanted = all.filter((one) => one.mimeType === `video/${codec}`);
  if (wanted.length === 0) throw new Error(`this browser does not send ${codec}`);
  const repair = all.filter((one) => one.mimeType === "video/rtx");
  transceiver.setCodecPreferences([...wanted, ...repair]);
}
