// One participant: the picture, and beside it what is known of it now and was in the last minute.

import { Plot } from "/plot.js";
import { ask } from "/server.js";

const FIGURES = ["score", "bitrate", "picture", "layers", "loss", "round trip", "jitter", "orientation"];

export class Tile {
  constructor(name) {
    this.element = document.createElement("section");
    this.element.className = "tile";
    this.video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true });
    this.title = document.createElement("h2");
    this.buttons = document.createElement("span");
    this.buttons.className = "buttons";
    this.title.append(name, this.buttons);
    this.figures = new Map();
    const list = document.createElement("dl");
    for (const figure of FIGURES) list.append(this.row(figure));
    this.plots = { bitrate: new Plot("kbit/s"), loss: new Plot("packets lost"), score: new Plot("score") };
    const plots = document.createElement("div");
    plots.className = "plots";
    plots.append(...Object.values(this.plots).map((plot) => plot.element));
    this.complaint = document.createElement("p");
    this.complaint.className = "complaint";
    this.element.append(this.video, this.title, this.complaint, list, plots);
    this.lost = null;
  }

  row(figure) {
    const [row, term, value] = ["div", "dt", "dd"].map((name) => document.createElement(name));
    [term.textContent, value.textContent] = [figure, "–"];
    value.dataset.figure = figure;
    row.append(term, value);
    this.figures.set(figure, value);
    return row;
  }

  show(figure, text) {
    this.figures.get(figure).textContent = text ?? "–";
  }

  /** Why something cannot be had of this participant; nothing, when it can. */
  complain(text) {
    this.complaint.textContent = text ?? "";
  }

  /** A button, under which it is said when it fails. */
  button(text, press) {
    const button = Object.assign(document.createElement("button"), { textContent: text, type: "button" });
    button.addEventListener("click", () =>
      press(button).then(() => this.complain(), (error) => this.complain(error.message)));
    this.buttons.append(button);
    return button;
  }

  /** Pictures that show at once, with sound as soon as the browser lets them. */
  async play(stream, muted) {
    Object.assign(this.video, { srcObject: stream, muted });
    try {
      await this.video.play();
    } catch {
      this.video.muted = true;
      await this.video.play().catch(() => {});
    }
  }

  /** Figures of streams, as the server counts them. */
  tell(streams) {
    const sum = (name) => streams.reduce((all, stream) => all + (stream[name] ?? 0), 0);
    const lost = sum("packetsLost");
    const [bitrate, score] = [sum("bitrate"), Math.max(0, ...streams.map((stream) => stream.score ?? 0))];
    this.show("score", streams.map((stream) => stream.score).join(" / "));
    this.show("bitrate", `${Math.round(bitrate / 1000)} kbit/s`);
    this.show("loss", `${lost} packets`);
    const trips = streams.map((stream) => stream.roundTripTime).filter((trip) => trip > 0);
    if (trips.length > 0) this.show("round trip", `${Math.max(...trips).toFixed(1)} ms`);
    this.plots.bitrate.add(bitrate / 1000);
    this.plots.loss.add(Math.max(0, lost - (this.lost ?? lost)));
    this.plots.score.add(score);
    this.lost = lost;
  }

  turn({ rotation, flip }) {
    this.show("orientation", `${rotation}°${flip ? ", flipped" : ""}`);
  }

  layers(layers) {
    this.show("layers", layers ? `spatial ${layers.spatialLayer}, temporal ${layers.temporalLayer ?? "–"}` : "none");
  }
}

/** The picture's size and rate, as this browser sees it, from its statistics. */
export function picture(report, type) {
  const streams = [...report.values()].filter((entry) => entry.type === type && entry.kind === "video");
  const sizes = streams
    .filter((stream) => stream.frameWidth)
    .map((stream) => `${stream.frameWidth}×${stream.frameHeight} ${Math.round(stream.framesPerSecond ?? 0)}/s`);
  const jitter = Math.max(0, ...streams.map((stream) => stream.jitter ?? 0));
  return { size: sizes.join(", "), jitter: `${(jitter * 1000).toFixed(1)} ms` };
}

/** A button that pauses and resumes. */
export function pauseButton(tile, kind, ids) {
  let paused = false;
  tile.button("Pause", async (button) => {
    const method = `${paused ? "resume" : "pause"}${kind}`;
    await Promise.all(ids.map((id) => ask(method, { [`${kind.toLowerCase()}Id`]: id })));
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
  });
}
