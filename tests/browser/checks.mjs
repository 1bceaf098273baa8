// What a page of `mae report` has to be. These functions run in the page, and give lists of what is wrong.

// Everything that is drawn names its figure and has its value.
export function figures() {
  const bad = [], json = JSON.parse(document.getElementById("mae-figures").textContent);
  const at = (pointer) =>
    pointer.split("/").slice(1).reduce((value, step) => value?.[step.replace(/~1/g, "/").replace(/~0/g, "~")], json);
  let n = 0;
  for (const mark of document.querySelectorAll("[data-ref]"))
    for (const suffix of ["", "-y"]) {
      const ref = mark.getAttribute("data-ref" + suffix), drawn = mark.getAttribute("data-v" + suffix);
      if (ref === null) continue;
      n++;
      const value = at(ref);
      if (typeof value === "number" ? Number(drawn) !== value : drawn !== value) bad.push(`${ref} is ${value}, drawn ${drawn}`);
      if (suffix || mark.tagName === "g" || typeof value !== "number") continue;
      // What people read, too; J for mJ, % for shares. What has an exponent has three digits, all else four.
      const read = parseFloat(mark.textContent), close = /^[^ ]*e/.test(mark.textContent) ? 6e-3 : 6e-4;
      if (![1, 1e-3, 100].some((k) => Math.abs(read - value * k) <= close * Math.abs(value * k)))
        bad.push(`${ref} is ${value}, and reads ${mark.textContent}`);
    }
  return { n, bad };
}

// Marks stand where the numbers along the axes say.
export function places() {
  const bad = [];
  let n = 0;
  const centre = (mark) => {
    const box = [...mark.children].find((c) => c.tagName !== "text" && !c.classList.contains("whisker")).getBBox();
    // A bar ends at its value.
    return { x: mark.classList.contains("run") ? box.x + box.width : box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const axisOf = (group, way) => {
    const log = group.querySelector(".title").textContent.includes("logarithmic");
    const scale = log ? Math.log : (v) => v;
    const ticks = [...group.querySelectorAll("text:not(.title)")].map((t) => ({
      v: Number(t.textContent),
      p: way === "x" ? Number(t.getAttribute("x")) : Number(t.getAttribute("y")) - 4,
    }));
    if (ticks.length < 2) return null;
    const [a, b] = [ticks[0], ticks[ticks.length - 1]];
    return (v) => a.p + ((scale(v) - scale(a.v)) / (scale(b.v) - scale(a.v))) * (b.p - a.p);
  };
  for (const svg of document.querySelectorAll("#choices svg.chart, #measured figure:first-of-type svg.chart, #throughput figure svg.chart")) {
    if (!svg.getBoundingClientRect().width) continue; // the other of the two sizes
    const [right, up] = svg.querySelectorAll(".axis");
    const x = axisOf(right, "x"), y = up && axisOf(up, "y");
    for (const mark of svg.querySelectorAll(".m[data-ref]")) {
      // A triangle's middle is not the middle of its box.
      const is = centre(mark), slack = mark.classList.contains("greedy") ? 3 : 1.2;
      let value = Number(mark.getAttribute("data-v"));
      const value_y = mark.getAttribute("data-v-y");
      // Frames a second are drawn of a file's milliseconds.
      if (/(quick_ms|predicted_period_ms)$/.test(mark.getAttribute("data-ref"))) value = 1000 / value;
      if (x && Math.abs(is.x - x(value)) > slack) bad.push(`${mark.getAttribute("aria-label")}: at x ${is.x}, not ${x(value)}`);
      if (y && value_y !== null && Math.abs(is.y - y(Number(value_y))) > slack)
        bad.push(`${mark.getAttribute("aria-label")}: at y ${is.y}, not ${y(Number(value_y))}`);
      n += x !== null;
    }
  }
  return { n, bad };
}

// Nothing makes the page wider than the window, and no chart draws beyond it.
export function width() {
  const bad = [], most = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > most) bad.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${most}`);
  for (const text of document.querySelectorAll("svg.chart, svg.chart .m, svg.chart text")) {
    const box = text.getBoundingClientRect();
    if (box.width && (box.right > most + 1 || box.left < -1)) bad.push(`${text.tagName} ${text.textContent.slice(0, 40)}: ${box.left} to ${box.right}`);
  }
  return bad;
}

// Numbers along the axes, and labels, can be told apart.
export function overlaps() {
  const bad = [];
  for (const svg of document.querySelectorAll("svg.chart")) {
    if (!svg.getBoundingClientRect().width) continue;
    const boxes = [...svg.querySelectorAll(".axis text, text.label")].map((t) => ({ t, b: t.getBoundingClientRect() }));
    for (let i = 0; i < boxes.length; i++)
      for (let k = i + 1; k < boxes.length; k++) {
        const a = boxes[i].b, b = boxes[k].b;
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1.5 && high > 4) bad.push(`"${boxes[i].t.textContent}" and "${boxes[k].t.textContent}" in ${svg.getAttribute("aria-label")}`);
      }
  }
  return bad;
}

// What a screen reader needs.
export function labels() {
  const bad = [];
  const want = (ok, what) => ok || bad.push(what);
  want(document.querySelectorAll("h1").length === 1, "not one h1");
  want(document.documentElement.lang === "en", "no language");
  for (const svg of document.querySelectorAll("svg"))
    want(svg.getAttribute("aria-hidden") === "true" || svg.getAttribute("aria-label"), "an svg without a label");
  for (const mark of document.querySelectorAll(".m"))
    want(mark.getAttribute("role") === "img" && mark.getAttribute("aria-label") && mark.hasAttribute("tabindex"), `a mark: ${mark.outerHTML.slice(0, 90)}`);
  for (const th of document.querySelectorAll("th")) want(th.getAttribute("scope"), `a header without scope: ${th.textContent}`);
  for (const table of document.querySelectorAll("table")) want(table.querySelector("caption"), "a table without a caption");
  for (const section of document.querySelectorAll("section"))
    want(document.getElementById(section.getAttribute("aria-labelledby")), `section ${section.id} has no heading`);
  return bad;
}

// Text has a contrast of 4.5 at least, what is drawn 3.
export function contrast() {
  const bad = [];
  const canvas = document.createElement("canvas").getContext("2d");
  const luminance = (variable) => {
    canvas.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
    const rgb = canvas.fillStyle.match(/[0-9a-f]{2}/g).map((h) => parseInt(h, 16) / 255);
    const [r, g, b] = rgb.map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const want = (a, b, least) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    const is = (high + 0.05) / (low + 0.05);
    if (!(is >= least)) bad.push(`${a} on ${b}: ${is.toFixed(2)}, not ${least}`);
  };
  for (const text of ["--ink", "--soft", "--accent"]) for (const on of ["--paper", "--card"]) want(text, on, 4.5);
  for (let i = 0; i < 8; i++) {
    want("--on", "--pe" + i, 4.5);
    want("--pe" + i, "--paper", 3);
  }
  for (const drawn of ["--heat", "--plan", "--cloud"]) want(drawn, "--paper", 3);
  return bad;
}

// Where the keyboard is, and whether what it says is shown.
export function focus() {
  const mark = document.activeElement, tip = document.getElementById("tip");
  if (!mark || !mark.classList.contains("m")) return null;
  const all = [...mark.ownerSVGElement.querySelectorAll(".m")];
  return { label: mark.getAttribute("aria-label"), index: all.indexOf(mark), n: all.length, tip: tip.classList.contains("on") ? tip.textContent : null };
}
