// The page: joins a room, shows everyone, and the chat.

import { ownMedia } from "/media.js";
import { receive } from "/receiver.js";
import { send } from "/sender.js";
import { ask, listen } from "/server.js";
import { Tile, pauseButton, picture } from "/tile.js";

const $ = (id) => document.getElementById(id);
/** How often figures are taken. */
const LOOK_MS = 1000;
/** How a video is sent, by the type of its producer. */
const LAYERS = { simple: "one", simulcast: "simulcast", svc: "in one stream" };

const notice = (text) => { $("notice").textContent = text ?? ""; };

/** A participant in a room, from joining to leaving. */
class Participant {
  constructor(room, name) {
    Object.assign(this, { room, name, own: null, others: new Map(), media: null, hasLeft: false });
    /** What this participant sends or has sent. */
    this.mine = new Set();
    /** What is under way: one is done after the other. */
    [this.published, this.listed] = [Promise.resolve(), Promise.resolve()];
  }

  async join(choice) {
    this.media = await ownMedia(choice.drawn);
    if (this.hasLeft) return this.stop();
    if (this.media.why) notice(`Sending a drawing: ${this.media.why}.`);
    this.tile = new Tile(`${this.name} (you)`);
    $("tiles").append(this.tile.element);
    this.tile.play(this.media.stream, true);
    await this.publish(choice);
    if (this.hasLeft) return;
    this.news = listen(this.room, {
      publishers: (list) => { this.listed = this.listed.then(() => this.meet(list)); },
      happened: (event) => this.hear(event),
    });
    this.timer = setInterval(() => this.look(), LOOK_MS);
  }

  /** Sends, in place of what was sent before and of what was about to be. */
  publish(choice) {
    const published = this.published.then(() => this.replace(choice));
    this.published = published.catch(() => {});
    return published;
  }

  async replace({ codec, simulcast }) {
    if (this.hasLeft || !this.media) return;
    speakable(false);
    this.own?.session.close();
    this.own = null;
    const own = await send(this.room, this.name, this.media.stream, codec, simulcast);
    this.mine.add(own.made.id);
    if (this.hasLeft) return own.session.close();
    this.own = own;
    const { chat, connection } = own.session;
    speakable(chat.readyState === "open");
    chat.addEventListener("open", () => speakable(true));
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "failed") notice("The connection to the server is lost; join again.");
    });
    this.tile.buttons.replaceChildren();
    pauseButton(this.tile, "Producer", this.own.made.producers.map((producer) => producer.id));
    this.tile.show("layers", LAYERS[own.made.producers.find(isVideo)?.type]);
  }

  /** Everyone who sends now, whoever came and went. */
  async meet(list) {
    // Which of them is this participant's is known once it is published.
    await this.published;
    if (this.hasLeft) return;
    const there = new Map(list.filter((one) => !this.mine.has(one.id)).map((one) => [one.id, one]));
    for (const [id, other] of this.others) {
      if (other.parts !== parts(there.get(id))) this.forget(id, other);
    }
    for (const [id, publisher] of there) {
      if (!this.others.has(id) && publisher.producers.length > 0) await this.watch(publisher);
    }
  }

  async watch(publisher) {
    const tile = new Tile(publisher.name);
    $("tiles").append(tile.element);
    const other = { tile, publisher, parts: parts(publisher), session: null, made: { consumers: [] } };
    this.others.set(publisher.id, other);
    try {
      const { session, stream, made } = await receive(this.room, publisher);
      if (this.others.get(publisher.id) !== other) return session.close();
      Object.assign(other, { session, made });
      session.chat.addEventListener("message", ({ data }) => said(publisher.name, data));
      // Not before pictures come, which others need not wait for.
      tile.play(stream, false);
    } catch (error) {
      tile.complain(error.message);
      return;
    }
    pauseButton(tile, "Consumer", other.made.consumers.map((consumer) => consumer.id));
    layerButtons(other);
    const video = other.made.consumers.find(isVideo);
    if (video?.type === "simple") tile.show("layers", LAYERS.simple);
    else if (video) tile.layers(video.currentLayers);
  }

  forget(id, other) {
    other.session?.close();
    other.tile.element.remove();
    this.others.delete(id);
  }

  /** An event of the engine, about a producer or a consumer. */
  hear({ event, producerId, consumerId, data }) {
    const owns = (made) => made.producers?.some((producer) => producer.id === producerId);
    const own = this.own ? [{ tile: this.tile, made: this.own.made }] : [];
    for (const { tile, made } of [...this.others.values(), ...own]) {
      const about = owns(made) || made.consumers?.some((one) => one.id === consumerId || one.producerId === producerId);
      if (!about) continue;
      if (event === "layerschange") tile.layers(data);
      if (event === "videoorientationchange") tile.turn(data);
    }
  }

  /** Takes figures of everyone. */
  async look() {
    const own = this.own;
    if (!own) return;
    const looks = [figures(this.tile, own, own.made.producers, "outbound-rtp")];
    for (const other of this.others.values()) {
      if (other.session) looks.push(figures(other.tile, other, other.made.consumers, "inbound-rtp"));
    }
    // Who left while we looked has no figures.
    await Promise.allSettled(looks);
  }

  leave() {
    this.hasLeft = true;
    clearInterval(this.timer);
    this.news?.close();
    for (const [id, other] of this.others) this.forget(id, other);
    this.own?.session.close();
    this.tile?.element.remove();
    this.stop();
    speakable(false);
  }

  /** Camera and microphone, or what is drawn, are let go. */
  stop() {
    this.media?.stream.getTracks().forEach((track) => { track.stop(); track.dispatchEvent(new Event("ended")); });
  }
}

const isVideo = ({ kind }) => kind === "video";

/** What a publisher sends: another list of producers wants another session. */
const parts = (publisher) => publisher?.producers.map((producer) => producer.id).join();

async function figures(tile, { session, made }, list, type) {
  const video = list.find(isVideo) ?? list[0];
  if (!video) return;
  const report = await session.connection.getStats();
  const { size, jitter } = picture(report, type);
  tile.show("picture", size);
  tile.show("jitter", jitter);
  const streams = await ask("getStats", { id: video.id });
  tile.tell(streams.filter((stream) => stream.type === type || made.producers));
}

function layerButtons({ tile, made }) {
  const video = made.consumers.find((consumer) => isVideo(consumer) && consumer.type !== "simple");
  if (!video) return;
  for (const spatialLayer of Array(video.spatialLayers).keys()) {
    tile.button(`L${spatialLayer}`, () => ask("setPreferredLayers", { consumerId: video.id, spatialLayer }));
  }
}

function speakable(able) {
  for (const element of $("say").elements) element.disabled = !able;
}

function said(name, text) {
  const line = document.createElement("li");
  const who = document.createElement("b");
  who.textContent = `${name}: `;
  line.append(who, text);
  $("said").append(line);
  line.scrollIntoView();
}

let participant = null;
const choice = () => ({ codec: $("codec").value, simulcast: $("simulcast").checked, drawn: $("drawn").checked });

function leave() {
  participant?.leave();
  participant = null;
  [$("enter").hidden, $("leave").hidden] = [false, true];
}

$("join").addEventListener("submit", async (event) => {
  event.preventDefault();
  leave();
  notice();
  const joined = new Participant($("room").value, $("name").value);
  participant = joined;
  [$("enter").hidden, $("leave").hidden] = [true, false];
  try {
    await joined.join(choice());
  } catch (error) {
    // Who has left in the meantime does not wonder.
    if (participant !== joined) return;
    leave();
    notice(`Joining failed: ${error.message}`);
  }
});
$("leave").addEventListener("click", leave);
for (const id of ["simulcast", "codec"]) {
  $(id).addEventListener("change", () =>
    participant?.publish(choice()).catch((error) => notice(`Sending failed: ${error.message}`)));
}
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  participant.own.session.chat.send($("words").value);
  said(participant.name, $("words").value);
  $("words").value = "";
});
addEventListener("pagehide", leave);

const asked = new URLSearchParams(location.search);
$("room").value = asked.get("room") ?? "main";
$("name").value = asked.get("name") ?? `guest ${Math.floor(Math.random() * 1000)}`;
if (asked.has("codec")) $("codec").value = asked.get("codec").toUpperCase();
