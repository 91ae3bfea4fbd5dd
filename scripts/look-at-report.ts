/**
 * Looks at an HTML report, or at the page of a service that runs, as people do, with a Chromium that is installed (apt-get install chromium; it is too large to fetch for a test):
 * screenshots in three widths, light and dark, and a print; says how long it took to open, whether the browser complained, asked for
 * anything or had to scroll sideways, and what axe finds.
 *
 *     node scripts/look-at-report.ts REPORT.html FOLDER
 *     node scripts/look-at-report.ts http://127.0.0.1:9090/ FOLDER
 *
 * Ends with status 1 when anything was found. `CHROMIUM` names another browser.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const WIDTHS = [390, 1280, 2560] as const;
const SCHEMES = ['light', 'dark'] as const;

const [report, folder] = process.argv.slice(2);
if (report === undefined || folder === undefined) throw new Error('usage: node scripts/look-at-report.ts REPORT.html|URL FOLDER');
const live = URL.canParse(report);
mkdirSync(folder, { recursive: true });
const axe = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const profile = mkdtempSync(path.join(tmpdir(), 'rtplat-look-'));
const browser = spawn(
  process.env['CHROMIUM'] ?? 'chromium',
  ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
const gone = once(browser, 'exit');
let complaints = 0;

try {
  const send = await connect(await addressOf());
  const url = live ? report : pathToFileURL(path.resolve(report)).href;
  for (const width of WIDTHS) {
    for (const scheme of SCHEMES) await look(send, url, { width, scheme, file: path.join(folder, `${width}-${scheme}.png`) });
  }
  const { data } = (await send('Page.printToPDF', { printBackground: true })) as { data: string };
  writeFileSync(path.join(folder, 'printed.pdf'), Buffer.from(data, 'base64'));
} finally {
  browser.kill();
  await gone;
  rmSync(profile, { recursive: true, maxRetries: 5 });
}
process.stdout.write(`${complaints} complaints\n`);
process.exitCode = complaints === 0 ? 0 : 1;

type Send = (method: string, params?: object) => Promise<unknown>;

interface View {
  readonly width: number;
  readonly scheme: string;
  readonly file: string;
}

async function look(send: Send, url: string, { width, scheme, file }: View): Promise<void> {
  await send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
  await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await send('Page.navigate', { url: 'about:blank' });
  await send('Page.navigate', { url });
  if (live) await firstPieces(send);
  // The frame may still be the empty one when this is first asked.
  const opened = (await evaluate(
    send,
    `new Promise((done) => { const ask = () => document.readyState === 'complete' && performance.timing.loadEventEnd > 0
      ? done({ ms: performance.timing.loadEventEnd - performance.timing.navigationStart, height: document.documentElement.scrollHeight,
               wide: document.documentElement.scrollWidth - innerWidth }) : setTimeout(ask, 10); ask(); })`,
  )) as { ms: number; height: number; wide: number };
  if (opened.wide > 0) complain(`${width} px: the page is ${opened.wide} px too wide`);
  const clip = { x: 0, y: 0, width, height: Math.min(opened.height, 16_000), scale: 1 };
  const { data } = (await send('Page.captureScreenshot', { captureBeyondViewport: true, clip })) as { data: string };
  writeFileSync(file, Buffer.from(data, 'base64'));
  await evaluate(send, `${axe};0`);
  const found = (await evaluate(
    send,
    "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations.map((v) => `${v.impact} ${v.id}: ${v.help} (${v.nodes.length}: ${v.nodes[0].html.slice(0, 160)})`))",
  )) as readonly string[];
  for (const violation of found) complain(`${width} px, ${scheme}: ${violation}`);
  process.stdout.write(`${file}: opened in ${opened.ms} ms, ${opened.height} px high\n`);
}

/** The page of a service gets its pictures when it is there; one that has nothing to show says so. */
async function firstPieces(send: Send): Promise<void> {
  for (let waits = 0; waits < 600; waits++) {
    if ((await evaluate(send, "document.querySelector('[data-piece]:not(:empty)') !== null")) === true) return;
    await setTimeout(50);
  }
  complain('the page of the service stays empty');
}

function complain(text: string): void {
  complaints += 1;
  process.stdout.write(`${text}\n`);
}

async function evaluate(send: Send, expression: string): Promise<unknown> {
  const { result, exceptionDetails } = (await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })) as {
    result: { value?: unknown };
    exceptionDetails?: { text: string };
  };
  if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
  return result.value;
}

/** Where the browser says that it listens. */
async function addressOf(): Promise<string> {
  const said = 'DevTools listening on ';
  for await (const line of createInterface({ input: browser.stderr })) if (line.startsWith(said)) return line.slice(said.length);
  throw new Error('the browser does not start');
}

/** A page of the browser, by the Chrome DevTools Protocol. What it complains of is told. */
async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(address);
  await once(socket, 'open');
  const waiting = new Map<number, { readonly done: (result: unknown) => void; readonly failed: (error: Error) => void }>();
  let last = 0;
  const session: { sessionId?: string } = {};
  const send: Send = async (method, params = {}) => {
    last += 1;
    const answer = new Promise<unknown>((done, failed) => waiting.set(last, { done, failed }));
    socket.send(JSON.stringify({ id: last, method, params, ...session }));
    return answer;
  };
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(String(data)) as Message;
    if (id === undefined) {
      hear(method ?? '', params ?? {});
      return;
    }
    if (error === undefined) waiting.get(id)?.done(result);
    else waiting.get(id)?.failed(new Error(error.message));
    waiting.delete(id);
  });
  const { targetId } = (await send('Target.createTarget', { url: 'about:blank' })) as { targetId: string };
  const attached = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string };
  session.sessionId = attached.sessionId;
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await send(`${domain}.enable`);
  return send;
}

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: Heard;
}

interface Heard {
  readonly entry?: { readonly level: string; readonly text: string };
  readonly request?: { readonly url: string };
}

function hear(method: string, { entry, request }: Heard): void {
  if (entry !== undefined && entry.level === 'error') complain(`the browser says: ${entry.text}`);
  if (method === 'Runtime.exceptionThrown') complain(live ? 'a script failed' : 'a script failed: there should be none');
  if (method === 'Network.requestWillBeSent' && request !== undefined && !isOwn(request.url)) complain(`it asks for ${request.url}`);
}

/** A report asks for nothing, the page of a service only for what that serves. */
function isOwn(url: string): boolean {
  return /^(?:file|about|data):/.test(url) || (live && new URL(url).origin === new URL(report ?? '').origin);
}
