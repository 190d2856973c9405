// Line charts, drawn as SVG.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 600;
const HEIGHT = 150;
const FLOOR = HEIGHT - 6;
const CEILING = 18;

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A chart of the last so many values; `write` tells people a value. A value may be null: unknown. */
export class Chart {
  constructor(title, write, most = 60) {
    this.title = title;
    this.write = write;
    this.most = most;
    this.values = [];
    this.line = svg("path", { class: "line", fill: "none" });
    this.area = svg("path", { class: "area" });
    const grid = svg("path", { class: "grid", d: `M0 ${CEILING}H${WIDTH}M0 ${FLOOR}H${WIDTH}` });
    this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
    this.picture.append(grid, this.area, this.line);
    this.number = document.createElement("strong");
    this.scale = document.createElement("span");
    this.scale.className = "muted";
    const caption = document.createElement("figcaption");
    caption.append(title, " ", this.number, " ", this.scale);
    this.node = document.createElement("figure");
    this.node.className = "chart";
    this.node.append(caption, this.picture);
    this.draw();
  }

  /** Take one more value. */
  push(value) {
    this.values.push(value);
    if (this.values.length > this.most) this.values.shift();
    this.draw();
  }

  draw() {
    const known = this.values.filter((value) => value !== null);
    const highest = Math.max(...known, 0);
    const step = WIDTH / (this.most - 1);
    const first = this.most - this.values.length;
    const y = (value) => FLOOR - (highest ? value / highest : 0) * (FLOOR - CEILING);
    let line = "";
    let area = "";
    let open = null;
    const close = (x) => {
      if (open !== null) area += `L${x} ${FLOOR}L${open} ${FLOOR}Z`;
      open = null;
    };
    this.values.forEach((value, at) => {
      const x = ((first + at) * step).toFixed(1);
      if (value === null) return close((((first + at - 1) * step)).toFixed(1));
      const point = `${x} ${y(value).toFixed(1)}`;
      line += (open === null ? "M" : "L") + point;
      area += (open === null ? "M" : "L") + point;
      open ??= x;
    });
    close(WIDTH);
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", area);
    const latest = this.values.at(-1) ?? null;
    this.number.textContent = latest === null ? "–" : this.write(latest);
    this.scale.textContent = known.length ? `highest ${this.write(highest)}` : "nothing yet";
    this.picture.setAttribute("aria-label", `${this.title}: ${this.number.textContent}, ${this.scale.textContent}`);
  }
}
