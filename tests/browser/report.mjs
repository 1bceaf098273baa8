// node report.mjs CHROMIUM PAGE...: opens each page, wide and narrow, light and dark. With MAE_PICTURES set, pictures go there.
import { writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";
import * as checks from "./checks.mjs";

const [program, ...pages] = process.argv.slice(2);
const browser = new Browser(program);
let failed = 0;

function want(page, what, bad) {
  for (const line of bad.slice(0, 12)) console.log(`FAILED: ${page}: ${what}: ${line}`);
  if (bad.length > 12) console.log(`... and ${bad.length - 12} more`);
  failed += bad.length;
}

// The Tab key comes to a chart; arrows go on within it, and what is focused is said.
async function keyboard(page) {
  let at = null;
  for (let i = 0; i < 60 && !at; i++) {
    await browser.key("Tab");
    at = await browser.run(checks.focus);
  }
  if (!at) return want(page, "keyboard", (await browser.run(() => document.querySelectorAll("svg.chart .m").length)) ? ["no mark is reached by Tab"] : []);
  want(page, "keyboard", at.tip === at.label ? [] : [`"${at.label}" is focused, the tip says "${at.tip}"`]);
  if (at.n < 2) return;
  await browser.key("ArrowRight");
  const next = await browser.run(checks.focus);
  want(page, "keyboard", next && next.index === at.index + 1 && next.tip === next.label ? [] : ["the arrow does not go to the next mark"]);
  await browser.key("End");
  const last = await browser.run(checks.focus);
  want(page, "keyboard", last && last.index === at.n - 1 ? [] : ["End does not go to the last mark"]);
  await browser.key("Tab");
  const behind = await browser.run(checks.focus);
  want(page, "keyboard", behind && behind.label === last.label ? ["Tab does not leave the chart"] : []);
}

async function check(path) {
  const page = basename(path), url = pathToFileURL(resolve(path)).href;
  await browser.look(1280, "light");
  await browser.open(url);
  const figures = await browser.run(checks.figures);
  want(page, "figures", figures.n ? figures.bad : ["none"]);
  want(page, "labels", await browser.run(checks.labels));
  want(page, "scripts", (await browser.run(() => window.pwned)) ? ["a name of the input ran as a script"] : []);
  let placed = 0;
  for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "light"], [390, "dark"], [320, "light"]]) {
    await browser.look(width, scheme);
    const places = await browser.run(checks.places);
    placed += places.n;
    want(page, `places at ${width}`, places.bad);
    want(page, `width at ${width}`, await browser.run(checks.width));
    if (width !== 320) want(page, `overlaps at ${width}`, await browser.run(checks.overlaps));
    want(page, `contrast, ${scheme}`, await browser.run(checks.contrast));
    if (process.env.MAE_PICTURES && width !== 320)
      writeFileSync(`${process.env.MAE_PICTURES}/${page.replace(/\.html$/, "")}-${width}-${scheme}.png`, await browser.picture());
  }
  await browser.look(1280, "light");
  await keyboard(page);
  want(page, "console", browser.trouble);
  want(page, "network", browser.requests.filter((request) => request !== url));
  console.log(`${page}: ${figures.n} figures and ${placed} places held against the JSON; ${browser.requests.length} request`);
}

try {
  console.log((await browser.send("Browser.getVersion")).product);
  await browser.start();
  for (const page of pages) await check(page);
} finally {
  await browser.close();
}
process.exitCode = failed ? 1 : 0;
