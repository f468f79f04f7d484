// The camera: a frame every second while it is on.

const EVERY = 1000; // ms between two frames
const SIDE = 640; // pixels of the longer side of a frame
const QUALITY = 0.9; // of its JPEG

export class Camera {
  // `onframe` gets each frame as a Blob, and the next one is taken after what it returns is done.
  constructor(video, onframe) {
    this.video = video;
    this.onframe = onframe;
    this.stream = null;
    this.isHeld = false;
  }

  get isOn() {
    return this.stream !== null;
  }

  // Throws what the browser throws where there is no camera, or where its use is not allowed.
  async start() {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    this.stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "user", width: {ideal: 1280}}, audio: false});
    this.video.srcObject = this.stream;
    await this.video.play();
    this.group = `camera ${crypto.randomUUID?.() ?? Date.now()}`;
    this.run(this.stream);
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.video.srcObject = null;
    this.isHeld = false;
  }

  async run(stream) {
    while (this.stream === stream) {
      const began = performance.now();
      if (!this.isHeld && !document.hidden) {
        const frame = await this.frame();
        if (frame && this.stream === stream && !this.isHeld) await this.onframe(frame);
      }
      await new Promise(done => setTimeout(done, Math.max(50, EVERY - (performance.now() - began))));
    }
  }

  frame() {
    const {videoWidth: width, videoHeight: height} = this.video;
    if (!width) return null;
    const scale = Math.min(1, SIDE / Math.max(width, height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height].map(side => Math.round(scale * side));
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return new Promise(done => canvas.toBlob(done, "image/jpeg", QUALITY));
  }
}

// Why the camera cannot be used, in words.
export function cameraProblem(error) {
  const words = {
    NotAllowedError: "The camera is not allowed for this page. What helps: allow it in the browser's settings of this page.",
    NotFoundError: "No camera was detected. What helps: connect one, or choose pictures.",
    NotReadableError: "The camera is in use elsewhere. What helps: end the program that uses it.",
    SecurityError: "Browsers allow the camera on secure pages alone. What helps: open the page under https:// or http://localhost.",
  };
  return words[error.name] ?? "The camera cannot be used. What helps: choose pictures.";
}
