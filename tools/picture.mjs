// A picture of a plan: what layers cost on each PE, with the chosen one marked, and the front of all mappings.
//   node tools/picture.mjs PROFILE PLAN FRONT >PICTURE.svg
// The cloud is every mapping of the network, costed here by section 2 of docs/formats.md; the plan's and the front's
// figures are compared with that. For short networks without hosts, segment rows and idle draw.
import { readFileSync } from 'node:fs';

const [profile, plan, front] = process.argv.slice(2, 5).map((path) => JSON.parse(readFileSync(path, 'utf8')));
const pes = profile.pes.map((pe) => pe.name);
const { layers } = profile;
const fail = (text) => { process.stderr.write(`picture: ${text}\n`); process.exit(1); };
if (profile.host || profile.segments?.length || profile.soc.static_w || layers.length > 14) fail('not such a profile');

const producer = new Map(layers.flatMap((layer, i) => layer.outputs.map((name) => [name, i])));

// What moving a tensor costs, or nothing where that cannot be done.
function move(tensor, from, to) {
  const own = profile.transfer_overrides?.find((o) => o.tensor === tensor && o.from === from && o.to === to);
  if (own) return { ms: own.time_ms, mj: own.energy_mj ?? 0 };
  const pair = profile.transfers?.find((t) => t.from === from && t.to === to);
  if (!pair) return null;
  const mib = profile.tensors.find((t) => t.name === tensor).bytes / 1048576;
  return { ms: (pair.fixed_ms ?? 0) + (pair.ms_per_mib ?? 0) * mib, mj: (pair.fixed_mj ?? 0) + (pair.mj_per_mib ?? 0) * mib };
}

function cost(mapping) {
  let ms = 0;
  let mj = 0;
  const moved = new Set();
  for (const [i, layer] of layers.entries()) {
    const here = layer.cost[pes[mapping[i]]];
    if (!here) return null;
    if (i === 0 || mapping[i] !== mapping[i - 1]) {
      ms += profile.pes[mapping[i]].segment_ms ?? 0;
      mj += profile.pes[mapping[i]].segment_mj ?? 0;
    }
    ms += here.time_ms;
    mj += here.energy_mj;
    for (const tensor of layer.inputs) {
      const home = producer.get(tensor);
      const way = `${tensor} ${mapping[i]}`;
      if (home === undefined || mapping[home] === mapping[i] || moved.has(way)) continue;
      moved.add(way);
      const one = move(tensor, pes[mapping[home]], pes[mapping[i]]);
      if (!one) return null;
      ms += one.ms;
      mj += one.mj;
    }
  }
  return { ms, mj };
}

const cloud = [];
for (let code = 0; code < pes.length ** layers.length; code += 1) {
  const mapping = layers.map((_, i) => Math.floor(code / pes.length ** i) % pes.length);
  const one = cost(mapping);
  if (one) cloud.push(one);
}
const single = pes.map((name, p) => ({ name, ...cost(layers.map(() => p)) }));
const chosen = plan.segments.flatMap((segment) => segment.layers.map(() => pes.indexOf(segment.pe)));
const best = cost(chosen);
const near = (a, b) => Math.abs(a - b) <= 1e-6 * Math.abs(b);
if (!near(best.ms, plan.predicted.latency_ms) || !near(best.mj, plan.predicted.energy_mj)) fail('the plan costs something else');
for (const point of front.points) {
  if (!cloud.some((c) => near(c.ms, point.latency_ms) && near(c.mj, point.energy_mj))) fail('a point of the front is no mapping');
}

// ---- the picture ----

const out = [];
const text = (x, y, words, more = '') => out.push(`<text x="${x}" y="${y}"${more}>${words}</text>`);
const mid = ' text-anchor="middle"';
const W = 860, H = 390;
out.push(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${W} ${H}" width="${W}" height="${H}" role="img" aria-labelledby="t d">
<title id="t">${profile.model.name} on ${profile.soc.name}: layers by PE, and every mapping</title>
<desc id="d">Left, time and modelled energy of each group of layers on each PE, the chosen PE outlined. Right, latency and energy of all ${cloud.length} mappings, the front of ${front.points.length}, the single PEs and the plan.</desc>
<style>
  text { font: 13px system-ui, sans-serif; fill: #1c2330; } .dim { fill: #5d6778; font-size: 12px; } .paper { fill: #ffffff; }
  .cell { fill: #1f6feb; } .on { fill: none; stroke: #c2410c; stroke-width: 2.5; } .axis { stroke: #ccd3dd; fill: none; }
  .cloud { stroke: #a9b4c4; stroke-width: 3; stroke-linecap: round; } .front { fill: #1f6feb; } .pick { fill: #c2410c; }
  .way { fill: none; stroke: #1f6feb; stroke-width: 1.2; } .b { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6ebf2; } .dim { fill: #9aa6b8; } .paper { fill: #10151d; } .cell, .front { fill: #6aa8ff; } .way { stroke: #6aa8ff; }
    .on { stroke: #ff9d5c; } .pick { fill: #ff9d5c; } .axis { stroke: #37414f; } .cloud { stroke: #4d5a6c; }
  }
</style>
<rect class="paper" width="${W}" height="${H}" rx="8"/>`);

const top = 84, row = 26, wide = 58, left = 92;
const groups = [['ms', 'time_ms', left], ['mJ', 'energy_mj', left + pes.length * wide + 22]];
text(20, 30, `${profile.model.name} on ${profile.soc.name}`, ' class="b"');
for (const [unit, key, x0] of groups) {
  text(x0 + (pes.length * wide) / 2, 54, unit === 'ms' ? 'time, ms (recorded)' : 'energy, mJ (modelled)', ` class="dim"${mid}`);
  const most = Math.max(...layers.flatMap((layer) => pes.map((pe) => layer.cost[pe]?.[key] ?? 0)));
  pes.forEach((pe, p) => text(x0 + (p + 0.5) * wide, 74, pe, mid));
  layers.forEach((layer, i) => pes.forEach((pe, p) => {
    const value = layer.cost[pe]?.[key];
    const [x, y] = [x0 + p * wide, top + i * row];
    if (value === undefined) return;
    out.push(`<rect class="cell" x="${x + 2}" y="${y + 2}" width="${wide - 4}" height="${row - 4}" rx="3" opacity="${(0.06 + 0.5 * value / most).toFixed(3)}"/>`);
    if (chosen[i] === p) out.push(`<rect class="on" x="${x + 2}" y="${y + 2}" width="${wide - 4}" height="${row - 4}" rx="3"/>`);
    text(x + wide / 2, y + 18, value.toFixed(2), mid);
  }));
}
layers.forEach((layer, i) => text(20, top + i * row + 18, layer.name));
const [x0, x1, y0, y1] = [left + 2 * pes.length * wide + 86, W - 24, H - 80, 56];
const most = { ms: Math.max(...cloud.map((c) => c.ms)) * 1.02, mj: Math.max(...cloud.map((c) => c.mj)) * 1.05 };
const least = { ms: Math.min(...cloud.map((c) => c.ms)) * 0.9, mj: 0 };
const X = (ms) => (x0 + (x1 - x0) * (ms - least.ms) / (most.ms - least.ms)).toFixed(1);
const Y = (mj) => (y0 + (y1 - y0) * (mj - least.mj) / (most.mj - least.mj)).toFixed(1);
out.push(`<path class="axis" d="M${x0} ${y1}V${y0}H${x1}"/>`);
for (let ms = Math.ceil(least.ms * 2) / 2; ms < most.ms; ms += 0.5) text(X(ms), y0 + 18, ms.toFixed(1), ` class="dim"${mid}`);
for (let mj = 0; mj < most.mj; mj += 5) text(x0 - 8, Number(Y(mj)) + 4, mj, ' class="dim" text-anchor="end"');
text((x0 + x1) / 2, y0 + 38, 'latency of a frame, ms', ` class="dim"${mid}`);
text(x0 - 26, y1 - 14, 'energy of a frame, mJ', ' class="dim"');
out.push(`<path class="cloud" d="${cloud.map((c) => `M${X(c.ms)} ${Y(c.mj)}h0`).join('')}"/>`);
out.push(`<path class="way" d="M${front.points.map((p) => `${X(p.latency_ms)} ${Y(p.energy_mj)}`).join('L')}"/>`);
for (const p of front.points) out.push(`<circle class="front" cx="${X(p.latency_ms)}" cy="${Y(p.energy_mj)}" r="3"/>`);
for (const s of single) {
  const low = s.mj < most.mj / 2;
  text(Number(X(s.ms)) + (low ? 0 : 9), Number(Y(s.mj)) + (low ? 20 : 4), `${s.name} alone`, low ? mid : '');
}
out.push(`<circle class="pick" cx="${X(best.ms)}" cy="${Y(best.mj)}" r="6"/>`);
const limit = plan.goal.max_latency_ms;
const gain = plan.maeg.value === null ? '' : `${(100 * plan.maeg.value).toFixed(1)} % less than ${plan.maeg.baseline} alone`;
if (limit) out.push(`<path class="axis" stroke-dasharray="4 4" d="M${X(limit)} ${y0}V${y1}"/>`);
text(x0 + 14, Number(Y(best.mj)) + 34, `the plan: ${best.mj.toFixed(1)} mJ${gain && ','}`);
text(x0 + 14, Number(Y(best.mj)) + 52, gain);
const parts = plan.segments.map((s) => `${s.layers.length} on ${s.pe}`).join(', then ');
text(20, H - 18, `Outlined: the plan (${parts}), least ${plan.goal.minimize}${limit ? ` under ${limit} ms` : ''}, proven optimal. Dots: all ${cloud.length} mappings; line: the front of ${front.points.length}.`, ' class="dim"');
out.push('</svg>');
process.stdout.write(`${out.join('\n')}\n`);
