// Markdown tables of bench_truth's JSON files.
// usage: node truth-table.mjs FILE.json...
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const mobile = ['mobilenet_v2', 'mobilenet_v3_large', 'efficientnet_b0', 'shufflenet_v2_x1_0', 'squeezenet1_1',
  'ppocrv4_det', 'ppocrv4_rec', 'ppocrv4_cls', 'fastestdet', 'blazeface', 'mlsd_tiny'];
const runs = process.argv.slice(2).map((path) => ({
  name: basename(path).replace(/-\d+\.json$/, ''), ...JSON.parse(readFileSync(path, 'utf8')) }));

const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
const head = (cells) => { row(cells); row(cells.map(() => '---')); };
const ratio = ([median, low, high]) => `${median.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];
const geomean = (list) => Math.exp(list.reduce((sum, x) => sum + Math.log(x), 0) / list.length);

// From the faster ONNX Runtime, how much of the way the plan goes to the time that mixing would take if borders cost nothing.
function way(race) {
  const baseline = Math.min(race.ort_plain[0], race.ort_defaults[0]);
  const free = race.free_switching_over_best_single * race.plan[0] / race.plan_over_best_single;
  return free < 0.98 * baseline ? (baseline - race.plan[0]) / (baseline - free) : null; // no way to speak of
}

function speed(list) {
  head(['network', 'threads', 'A: ONNX Runtime, ms', 'B: its own process, ms', 'cpu/ort, ms', 'cpu/onednn, ms', 'cpu/xnnpack, ms', 'plan, ms',
    'segments', 'plan / A', 'plan / B', 'predicted, off by',
    'plan / best single', 'free switching / best single', 'of the way from ONNX Runtime to free switching']);
  for (const { name, threads, race } of list) {
    row([name, threads, race.ort_plain[0], race.ort_defaults[0], race['cpu/ort']?.[0] ?? '-', race['cpu/onednn']?.[0] ?? '-', race['cpu/xnnpack']?.[0] ?? '-',
      race.plan[0], race.segments, ratio(race.plan_over_a), ratio(race.plan_over_b),
      percent(race.bench_predicted_ms / race.bench_measured_ms - 1), race.plan_over_best_single.toFixed(3),
      race.free_switching_over_best_single.toFixed(3), way(race) === null ? '-' : percent(way(race))]);
  }
  for (const threads of new Set(list.map((run) => run.threads))) {
    const of = list.filter((run) => run.threads === threads);
    const fastest = (run) => Math.max(run.race.plan_over_a[0], run.race.plan_over_b[0]);
    const small = of.filter((run) => mobile.includes(run.name));
    console.log(`\n${threads} thread(s): plan over the faster of A and B, geometric mean ${geomean(of.map(fastest)).toFixed(3)} over ` +
      `${of.length} networks, ${small.length ? geomean(small.map(fastest)).toFixed(3) : '-'} over the ${small.length} mobile ones; ` +
      `worst ${Math.max(...of.map(fastest)).toFixed(3)}. Of the way to free switching: median ${percent(median(of.map((run) => way(run.race)).filter((x) => x !== null)))}. Prediction of the plan: median ` +
      `${percent(median(of.map((run) => Math.abs(run.race.bench_predicted_ms / run.race.bench_measured_ms - 1))))} off.`);
  }
}

function prediction(list) {
  head(['network', 'threads', 'mappings', 'median off', '90th percentile', 'bias', 'rank correlation']);
  for (const { name, threads, predict } of list) {
    row([name, threads, predict.mappings, percent(predict.median_off), percent(predict.p90_off), percent(predict.bias),
      predict.rank_correlation.toFixed(2)]);
  }
}

function regret(list) {
  head(['network', 'threads', 'mappings run', 'of', 'ahead of the plan at first look', 'best of the finals / plan',
    'once more, alone with the plan', 'plan / best', 'median mapping / plan']);
  for (const { name, threads, regret: r } of list) {
    row([name, threads, r.mappings, r.of, r.ahead_in_first_look, r.best_of_finals.toFixed(3),
      ratio(r.best_over_offered), r.offered_over_best.toFixed(3), r.median_mapping.toFixed(3)]);
  }
}

speed(runs.filter((run) => run.race));
console.log('\nRandom mappings of 1 to 8 switches, without segment rows of their own:\n');
prediction(runs.filter((run) => run.predict));
const regrets = runs.filter((run) => run.regret);
if (regrets.length) {
  console.log('\nEvery mapping of at most two switches, or as many as stated drawn fairly:\n');
  regret(regrets);
}
