// Reads mae-bench JSON files, prints one Markdown table: a row a network and thread count.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const ms = (entry) => entry ? `${entry.latency_ms.toPrecision(4)} [${entry.ci_ms.map((x) => x.toPrecision(4)).join(', ')}]` : '—';
const percent = (x) => `${(100 * x).toFixed(1)} %`;

const rows = process.argv.slice(2).map((file) => ({ key: basename(file).replace(/-\d+\.json$/, ""), ...JSON.parse(readFileSync(file, "utf8")) }))
  .sort((a, b) => a.key.localeCompare(b.key) || a.threads - b.threads);
const pes = [...new Set(rows.flatMap((b) => b.single_pe.map((e) => e.pe)))];

console.log(`| network | threads | ${pes.map((p) => `${p}, ms`).join(' | ')} | greedy, ms | plan, ms | segments | predicted, ms | off by | MAEG measured | MAEG predicted | max rel. error |`);
console.log(`| --- | ${pes.map(() => '---').join(' | ')} | --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
for (const b of rows) {
  const single = (pe) => b.single_pe.find((e) => e.pe === pe && e.complete);
  const predicted = b.plan.predicted_ms;
  const off = predicted / b.plan.latency_ms - 1;
  console.log(`| ${b.key} | ${b.threads} | ${pes.map((p) => ms(single(p))).join(' | ')} | ${ms((b.baselines ?? [])[0])} | ${ms(b.plan)} | ` +
    `${b.plan.single_pe ? `1 (${b.plan.segments[0].pe})` : b.plan.segments.length} | ${predicted.toPrecision(4)} | ${percent(off)} | ` +
    `${b.maeg.measured === null ? '—' : `${percent(b.maeg.measured)} [${b.maeg.ci.map(percent).join(', ')}]`} | ` +
    `${b.maeg.predicted === null ? '—' : percent(b.maeg.predicted)} | ${b.verify.max_rel?.toExponential(1) ?? '—'}${b.verify.ok ? '' : ' NOT OK'} |`);
}
