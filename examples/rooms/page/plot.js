// A small plot of the last minute.

const SECONDS = 60;

export class Plot {
  constructor(title) {
    this.values = [];
    this.element = document.createElement("figure");
    this.canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    this.element.append(this.canvas, caption);
  }

  add(value) {
    this.values = [...this.values, value].slice(-SECONDS);
    // How many points it has, for who cannot see.
    this.canvas.dataset.points = this.values.length;
    this.draw();
  }

  draw() {
    const { canvas } = this;
    [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight];
    const context = canvas.getContext("2d");
    const top = Math.max(1, ...this.values) * 1.1;
    context.strokeStyle = "#7cc4ff";
    context.beginPath();
    this.values.forEach((value, index) => {
      const x = ((SECONDS - this.values.length + index + 1) / SECONDS) * canvas.width;
      context.lineTo(x, canvas.height * (1 - value / top));
    });
    context.stroke();
  }
}
