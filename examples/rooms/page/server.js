// What the server offers: JSON requests, sessions by WHIP and WHEP, and news.

/** A request; where nobody answers, a browser says no more than that it failed. */
async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Error("the server does not answer");
  }
}

/** A method of the JSON interface; its data, or an Error with what the server says. */
export async function ask(method, data) {
  const response = await reach("/rpc", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ method, data }),
  });
  const answer = await response.json();
  if (answer.error) throw new Error(answer.error);
  return answer.data;
}

/** News of a room: `{name: function}`, called with what each event carries. */
export function listen(room, heard) {
  const source = new EventSource(`/events/${room}`);
  for (const [name, hear] of Object.entries(heard)) {
    source.addEventListener(name, (event) => hear(JSON.parse(event.data)));
  }
  return source;
}

/** One peer connection with the server, over WHIP (RFC 9725) or WHEP. */
export class Session {
  constructor(path) {
    this.path = path;
    this.connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    // The server has agreed to it beforehand: whoever sends or receives says so with stream 0.
    this.chat = this.connection.createDataChannel("chat", { negotiated: true, id: 0 });
    this.location = null;
  }

  /** Offers, and takes the answer. What the server made of it: its identifiers. */
  async open() {
    await this.connection.setLocalDescription();
    const response = await reach(this.path, {
      method: "POST",
      headers: { "content-type": "application/sdp" },
      body: this.connection.localDescription.sdp,
    });
    if (!response.ok) throw new Error(await response.text());
    this.location = response.headers.get("location");
    const sdp = await response.text();
    await this.connection.setRemoteDescription({ type: "answer", sdp });
    return (await reach(this.location, { headers: { accept: "application/json" } })).json();
  }

  close() {
    this.connection.close();
    // `keepalive`: also when the page goes.
    if (this.location) fetch(this.location, { method: "DELETE", keepalive: true }).catch(() => {});
    this.location = null;
  }
}
