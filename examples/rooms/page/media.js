// What this participant sends: camera and microphone, or a drawing and a tone.

const WHY = {
  NotAllowedError: "camera and microphone were refused",
  NotFoundError: "there is no camera or microphone",
  NotReadableError: "another program uses the camera or microphone",
  OverconstrainedError: "the camera cannot do what was asked for",
};

/** A stream with one track of each kind, and why it is not camera and microphone (or null). */
export async function ownMedia(drawn) {
  if (drawn) return { stream: drawing(), why: null };
  if (!navigator.mediaDevices) {
    const why = "browsers give the camera to pages of https:// and localhost only (start with --tls)";
    return { stream: drawing(), why };
  }
  try {
    const video = { width: { ideal: 1280 }, height: { ideal: 720 } };
    return { stream: await navigator.mediaDevices.getUserMedia({ audio: true, video }), why: null };
  } catch (error) {
    return { stream: drawing(), why: WHY[error.name] ?? `no camera: ${error.message}` };
  }
}

function drawing() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
  const context = canvas.getContext("2d");
  const draw = () => paint(context, performance.now() / 1000);
  draw();
  // A timer, since hidden tabs get no animation frames.
  const timer = setInterval(draw, 1000 / 30);
  const stream = canvas.captureStream(30);
  stream.getVideoTracks()[0].addEventListener("ended", () => clearInterval(timer));
  stream.addTrack(tone());
  return stream;
}

function paint(context, seconds) {
  const { width, height } = context.canvas;
  context.fillStyle = `hsl(${(seconds * 20) % 360} 40% 25%)`;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#fff";
  context.beginPath();
  const [x, y] = [Math.sin(seconds * 1.3), Math.cos(seconds * 1.7)];
  context.arc(width / 2 + x * width * 0.4, height / 2 + y * height * 0.35, 60, 0, 2 * Math.PI);
  context.fill();
  context.font = "64px monospace";
  context.fillText(new Date().toISOString().slice(11, 23), 40, height - 40);
}

/** A soft tone that comes and goes. */
function tone() {
  const audio = new AudioContext();
  audio.resume();
  const [oscillator, volume] = [audio.createOscillator(), audio.createGain()];
  volume.gain.value = 0.02;
  const destination = audio.createMediaStreamDestination();
  oscillator.connect(volume).connect(destination);
  oscillator.start();
  const [track] = destination.stream.getAudioTracks();
  track.addEventListener("ended", () => audio.close());
  return track;
}
