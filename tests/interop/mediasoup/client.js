// What an application does with mediasoup-client: each call sends its own media through a server, and
// gets it back.

import { Device } from "mediasoup-client";

const MESSAGES = [1, 1_000, 262_144];
const REPEATS = 2;
/** ms that anything may take on a busy machine. */
const PATIENCE = 60_000;

/** A method of the server's JSON interface. */
async function ask(server, method, data) {
  const body = JSON.stringify({ method, data });
  const answer = await (await fetch(`${server}rpc`, { method: "POST", body })).json();
  if (answer.error) throw new Error(`${method}: ${answer.error}`);
  return answer.data;
}

const after = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `is` holds. */
async function until(is, ms, complaint) {
  const deadline = performance.now() + ms;
  while (!is()) {
    if (performance.now() > deadline) throw new Error(complaint());
    await after(10);
  }
}

/** Pictures as they are decoded: when each came, how large it was, and how many differed. */
class Pictures {
  constructor(track) {
    Object.assign(this, { times: [], sizes: [], size: null, changes: 0, last: "" });
    this.canvas = new OffscreenCanvas(32, 18).getContext("2d", { willReadFrequently: true });
    this.reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    this.read();
  }

  async read() {
    for (;;) {
      const { value: frame, done } = await this.reader.read();
      if (done) return;
      this.times.push(performance.now());
      this.size = [frame.displayWidth, frame.displayHeight];
      if (this.times.length % 10 === 1) this.compare(frame);
      frame.close();
    }
  }

  compare(frame) {
    this.canvas.drawImage(frame, 0, 0, 32, 18);
    const now = this.canvas.getImageData(0, 0, 32, 18).data.join();
    if (now !== this.last) this.changes += 1;
    this.last = now;
  }

  /** The longest that none came since a time, in ms. */
  longestGap(since) {
    const times = [since, ...this.times.filter((time) => time > since), performance.now()];
    return Math.max(...times.slice(1).map((time, index) => time - times[index]));
  }

  async more(count, ms) {
    const [before, began] = [this.times.length, performance.now()];
    await until(() => this.times.length >= before + count, ms, () => `${this.times.length - before} pictures in ${ms} ms`);
    return performance.now() - began;
  }
}

class Call {
  /** A call in a room; media goes to another port than the server's, if one is given. */
  constructor({ server, room, port }) {
    Object.assign(this, { server, room, port, consumers: {} });
  }

  ask(method, data = {}) {
    return ask(this.server, method, { room: this.room, ...data });
  }

  async transport(direction) {
    const options = await this.ask("createWebRtcTransport", { direction, enableSctp: true });
    if (this.port) for (const candidate of options.iceCandidates) candidate.port = this.port;
    const transport =
      direction === "send" ? this.device.createSendTransport(options) : this.device.createRecvTransport(options);
    const hand = (name, method) =>
      transport.on(name, (data, done, failed) =>
        this.ask(method, { transportId: transport.id, ...data }).then(done, failed));
    hand("connect", "connectWebRtcTransport");
    hand("produce", "produce");
    hand("producedata", "produceData");
    return transport;
  }

  /** Looks at what the camera sees, too. */
  watch() {
    this.camera = new Pictures(this.video.track);
  }

  /** Sends a camera and a microphone. */
  async send({ codec, encodings, size }) {
    this.device = new Device();
    await this.device.load({ routerRtpCapabilities: await this.ask("getRouterRtpCapabilities") });
    this.sending = await this.transport("send");
    const [width, height] = size;
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width, height } });
    const mimeType = `video/${codec}`.toLowerCase();
    const wanted = this.device.rtpCapabilities.codecs.find((one) => one.mimeType.toLowerCase() === mimeType);
    if (!wanted) throw new Error(`the browser and the server share no ${codec}`);
    this.audio = await this.sending.produce({ track: stream.getAudioTracks()[0] });
    this.video = await this.sending.produce({ track: stream.getVideoTracks()[0], codec: wanted, encodings });
    await after(500);
  }

  /** Receives them; how many ms it took from nothing to the first picture. */
  async receive() {
    const began = performance.now();
    this.receiving = await this.transport("recv");
    for (const producer of [this.video, this.audio]) {
      const { rtpCapabilities } = this.device;
      const asked = { transportId: this.receiving.id, producerId: producer.id, rtpCapabilities };
      const consumer = await this.receiving.consume(await this.ask("consume", asked));
      this.consumers[consumer.kind] = consumer;
      if (consumer.kind === "video") this.pictures = new Pictures(consumer.track);
      await this.ask("resumeConsumer", { consumerId: consumer.id });
    }
    await until(() => this.pictures.times.length > 0, PATIENCE, () => "no picture came");
    return this.pictures.times[0] - began;
  }

  /** How many ms the browser takes with itself: from nothing to a picture of the camera, through no server. */
  async alone(codec) {
    const began = performance.now();
    const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
    from.onicecandidate = ({ candidate }) => to.addIceCandidate(candidate);
    to.onicecandidate = ({ candidate }) => from.addIceCandidate(candidate);
    const received = new Promise((done) => (to.ontrack = ({ track }) => done(new Pictures(track))));
    const mimeType = `video/${codec}`.toLowerCase();
    const { codecs } = RTCRtpReceiver.getCapabilities("video");
    from
      .addTransceiver(this.video.track, { direction: "sendonly" })
      .setCodecPreferences(codecs.filter((one) => one.mimeType.toLowerCase() === mimeType));
    await from.setLocalDescription();
    await to.setRemoteDescription(from.localDescription);
    await to.setLocalDescription();
    await from.setRemoteDescription(to.localDescription);
    const pictures = await received;
    await until(() => pictures.times.length > 0, PATIENCE, () => "the browser saw no picture of its own");
    from.close();
    to.close();
    return pictures.times[0] - began;
  }

  /** Waits for so many pictures. */
  async see(count) {
    const came = () => this.pictures.times.length;
    await until(() => came() >= count, PATIENCE, () => `${came()} of ${count} pictures came`);
  }

  async inbound(kind) {
    const report = await this.consumers[kind].getStats();
    return [...report.values()].find((entry) => entry.type === "inbound-rtp");
  }

  /** What was received so far. */
  async figures() {
    const [video, audio] = await Promise.all([this.inbound("video"), this.inbound("audio")]);
    const producers = await Promise.all([this.video, this.audio].map(({ id }) => this.ask("getStats", { id })));
    const sum = (streams, name) => streams.flat().reduce((all, stream) => all + stream[name], 0);
    return {
      codec: this.consumers.video.rtpParameters.codecs[0].mimeType,
      pictures: this.pictures.times.length,
      changes: this.pictures.changes,
      size: this.pictures.size,
      decoded: video.framesDecoded,
      packets: video.packetsReceived,
      sounds: audio.packetsReceived,
      lost: video.packetsLost + audio.packetsLost,
      asked: video.nackCount,
      repaired: video.retransmittedPacketsReceived ?? 0,
      keyFrames: video.keyFramesDecoded,
      lostBefore: sum(producers, "packetsLost"),
    };
  }

  /** How many packets the server has sent to a consumer. */
  async sent(id) {
    const streams = await this.ask("getStats", { id });
    return streams.find((stream) => stream.type === "outbound-rtp").packetCount;
  }

  /** Pauses and resumes at either end: packets sent meanwhile, and ms until there were some again. */
  async pause() {
    const [consumer, producer] = [this.consumers.video.id, this.video.id];
    const ways = [
      ["Consumer", { consumerId: consumer }],
      ["Producer", { producerId: producer }],
    ];
    const result = {};
    for (const [what, which] of ways) {
      await this.ask(`pause${what}`, which);
      // What was sent before is still decoded.
      const silence = () => performance.now() - this.pictures.times.at(-1) > 1000;
      await until(silence, PATIENCE, () => `pictures came of a paused ${what}`);
      const before = await this.sent(consumer);
      await after(500);
      const meanwhile = (await this.sent(consumer)) - before;
      await this.ask(`resume${what}`, which);
      result[what] = { meanwhile, resumed: await this.pictures.more(10, PATIENCE) };
    }
    return result;
  }

  /** Sends nothing more, but for messages. */
  async hush() {
    for (const producer of [this.video, this.audio]) {
      producer.close();
      await this.ask("closeProducer", { producerId: producer.id });
    }
  }

  /** Prefers a layer, and waits until pictures are no wider or no narrower than so many pixels. */
  async layer(spatialLayer, [least, most], ms) {
    await this.ask("setPreferredLayers", { consumerId: this.consumers.video.id, spatialLayer });
    const fits = () => this.pictures.size[0] >= least && this.pictures.size[0] <= most;
    await until(fits, ms, () => `layer ${spatialLayer} was to be ${least} to ${most} wide: ${this.pictures.size}`);
    return this.pictures.size;
  }

  /** Sends messages through a data channel; those that came as they were sent, in the order they came. */
  async messages(ordered) {
    const sender = await this.sending.produceData({ ordered, label: ordered ? "ordered" : "unordered" });
    const asked = { transportId: this.receiving.id, dataProducerId: sender.id };
    const receiver = await this.receiving.consumeData(await this.ask("consumeData", asked));
    const got = [];
    receiver.on("message", (data) => got.push(data));
    const open = (one) => one.readyState === "open";
    await until(() => open(sender) && open(receiver), PATIENCE, () => "a data channel did not open");
    const sent = Array.from({ length: REPEATS }, () => MESSAGES).flat().map(content);
    const began = performance.now();
    for (const message of sent) {
      await until(() => sender.bufferedAmount < 1 << 20, PATIENCE, () => "what was sent did not leave");
      sender.send(message);
    }
    await until(() => got.length >= sent.length, PATIENCE, () => `${got.length} of ${sent.length} messages came`);
    const took = performance.now() - began;
    const names = await Promise.all(got.map(async (data) => sent.findIndex(same(await bytes(data)))));
    return { sent: sent.length, came: names, took, ordered: receiver.sctpStreamParameters.ordered };
  }
}

/** Bytes that tell which message they are of. */
const content = (length, index) => Uint8Array.from({ length }, (_, at) => (index * 31 + at * 7) % 251);

const bytes = async (data) => new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);

const same = (one) => (other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

const calls = {};

/** Does something with a call; begins it, if it is asked to. What goes wrong says so in full. */
window.call = async (name, method, ...asked) => {
  try {
    if (method !== "begin") return await calls[name][method](...asked);
    calls[name] = new Call({ room: name, ...asked[0] });
    return await calls[name].send(asked[0]);
  } catch (error) {
    throw new Error(`${name}: ${method}: ${error.name}: ${error.message}`);
  }
};
/** The same with all calls at once. */
window.all = async (method, ...asked) => {
  const one = async (name) => [name, await window.call(name, method, ...asked)];
  return Object.fromEntries(await Promise.all(Object.keys(calls).map(one)));
};
/** The longest that a call had no picture, and that its camera had none, since a moment that `now` gave; in ms. */
window.now = () => performance.now();
window.gaps = (name, since) => [calls[name].pictures, calls[name].camera].map((one) => one.longestGap(since));
