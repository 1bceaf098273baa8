// A headless Chromium, driven through the pipe of its DevTools protocol: no package is needed for that.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Browser {
  constructor(program) {
    this.folder = mkdtempSync(join(tmpdir(), "mae-browser-"));
    this.next = 1;
    this.waiting = new Map();
    this.listeners = [];
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
      "--disable-component-update", "--disable-sync", "--mute-audio", "--remote-debugging-pipe",
      "--user-data-dir=" + this.folder, "about:blank"];
    this.process = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    let text = "";
    this.process.stdio[4].setEncoding("utf8");
    this.process.stdio[4].on("data", (data) => {
      text += data;
      for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) this.receive(JSON.parse(text.slice(0, end)));
    });
    this.process.on("exit", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("the browser has ended"));
    });
  }

  receive(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(message.error.message));
    else waiting.resolve(message.result);
  }

  send(method, params = {}) {
    const id = this.next++;
    const message = { id, method, params };
    if (this.session && !method.startsWith("Target.") && !method.startsWith("Browser.")) message.sessionId = this.session;
    this.process.stdio[3].write(JSON.stringify(message) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  async start() {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    this.listeners.push((m) => this.note(m));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.send(domain + ".enable");
  }

  // Opens a page; what goes wrong in it, and what it asks the network for, is kept in `trouble` and `requests`.
  async open(url) {
    this.trouble = [];
    this.requests = [];
    const loaded = new Promise((resolve) => this.listeners.push((m) => m.method === "Page.loadEventFired" && resolve()));
    await this.send("Page.navigate", { url });
    await loaded;
    this.listeners.length = 1;
  }

  note({ method, params }) {
    if (method === "Runtime.exceptionThrown") this.trouble.push(params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning"].includes(params.type))
      this.trouble.push(JSON.stringify(params.args.map((a) => a.value)));
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) this.trouble.push(params.entry.text);
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
  }

  async look(width, scheme, height = 900) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  // Runs a function of the tests in the page.
  async run(f, ...args) {
    const expression = `(${f})(...${JSON.stringify(args)})`;
    const result = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (result.exceptionDetails)
      throw new Error(result.exceptionDetails.exception?.description ?? result.exceptionDetails.text);
    return result.result.value;
  }

  async key(key) {
    const code = { Tab: 9, ArrowRight: 39, ArrowLeft: 37, End: 35, Home: 36, Escape: 27 }[key];
    for (const type of ["rawKeyDown", "keyUp"])
      await this.send("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: code });
  }

  async picture() {
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
    return Buffer.from((await this.send("Page.captureScreenshot", { clip, captureBeyondViewport: true })).data, "base64");
  }

  async close() {
    const gone = new Promise((resolve) => this.process.on("exit", resolve));
    this.send("Browser.close").catch(() => {});
    const killer = setTimeout(() => this.process.kill("SIGKILL"), 10000);
    await gone;
    clearTimeout(killer);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
