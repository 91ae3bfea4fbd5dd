import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ari, ariOf } from './ari.ts';
import { type AsteriskAdditions, configFiles } from './config.ts';
import { type Peer, peer, peersFolder } from './peers.ts';
import { type Running, run, start, until } from './process.ts';

/** The Debian releases whose Asterisk the suites run against: 22 from sid, 16 from bullseye. */
export type AsteriskRelease = 'sid' | 'bullseye';

export interface AsteriskOptions {
  readonly release: AsteriskRelease;
  /** An empty folder of its own; logs stay there after it has ended. */
  readonly dir: string;
  /** Address of SIP and HTTP, default 127.0.0.1. */
  readonly bindIp?: string;
  /** Default 8088. */
  readonly httpPort?: number;
  /** Default 5060. */
  readonly sipPort?: number;
  /** Name of the Stasis application behind extension 600, default `rtplat`. */
  readonly app?: string;
  /** Asterisk's own RTP ports, default 20000–24000; `null`: rtp.conf names none. */
  readonly rtpRange?: { readonly first: number; readonly last: number } | null;
  /** http.conf sessionlimit, default 1000 (Asterisk's own default of 100 leaves calls hanging). */
  readonly sessionLimit?: number;
  readonly funcConfig?: boolean;
  readonly more?: AsteriskAdditions;
  /** Put behind Asterisk's own arguments, for instance `-p` for real-time priority. */
  readonly args?: readonly string[];
  /** Command put before Asterisk's, for instance to enter another network namespace. */
  readonly prefix?: readonly string[];
}

/**
 * A real Asterisk. Extensions: 600 → `Stasis(app)`, 601 → `Echo()`, 602 → a steady 425 Hz tone. SIP callers need no
 * authentication.
 */
export interface Asterisk {
  readonly release: AsteriskRelease;
  readonly dir: string;
  readonly bindIp: string;
  readonly sipPort: number;
  readonly ari: Ari;
  /** Process id of the Asterisk that is running now. */
  pid(): number;
  /** `asterisk -rx COMMAND`. */
  cli(command: string): Promise<string>;
  /** SIGKILL, resolves when it is gone. */
  kill9(): Promise<void>;
  /** SIGTERM, then SIGKILL. */
  stop(): Promise<void>;
  /** Starts it again in the same folder, with the same configuration; resolves when ARI answers. */
  start(): Promise<void>;
  /** SIGSTOP; resolves when every thread has stopped. */
  freeze(): Promise<void>;
  thaw(): void;
  /** The full log, for a failed test's message. */
  log(): string;
}

/** The folder with `chan_rtp.so`: it moved between the releases. */
function moduleDirOf(root: string): string {
  for (const entry of readdirSync(join(root, 'usr/lib'), { recursive: true, withFileTypes: true })) {
    if (entry.name === 'chan_rtp.so') return entry.parentPath;
  }
  throw new Error(`${root} holds no chan_rtp.so: run scripts/peers.sh --refresh`);
}

/** Writes the configuration, starts Asterisk and waits until `GET /ari/asterisk/ping` answers 200. */
export async function startAsterisk(options: AsteriskOptions): Promise<Asterisk> {
  const { release, dir, bindIp = '127.0.0.1', httpPort = 8088, sipPort = 5060, args = [], prefix = [] } = options;
  const name: Peer = `asterisk-${release}`;
  const root = join(peersFolder(), name);
  const program = peer(name);
  const password = randomBytes(12).toString('hex');
  const ari = ariOf(`http://${bindIp}:${httpPort}`, 'rtplat', password);
  for (const folder of ['etc', 'lib', 'spool', 'run', 'log']) mkdirSync(join(dir, folder), { recursive: true });
  const moduleDir = moduleDirOf(root);
  const files = configFiles({
    dir,
    moduleDir,
    available: new Set(readdirSync(moduleDir).map((file) => file.replace(/\.so$/, ''))),
    dataDir: join(root, 'usr/share/asterisk'),
    bindIp,
    httpPort,
    sipPort,
    password,
    app: options.app ?? 'rtplat',
    rtpRange: options.rtpRange === undefined ? { first: 20_000, last: 24_000 } : options.rtpRange,
    sessionLimit: options.sessionLimit ?? 1000,
    funcConfig: options.funcConfig ?? true,
    more: options.more ?? {},
  });
  for (const [file, text] of files) writeFileSync(join(dir, 'etc', file), text, { mode: 0o600 });

  const conf = join(dir, 'etc/asterisk.conf');
  const console = join(dir, 'log/console');
  let running: Running;
  const cli = (command: string): Promise<string> => run(program, ['-C', conf, '-rx', command]);
  const launch = async (): Promise<void> => {
    const [command, ...before] = prefix.length === 0 ? [program] : [...prefix, program];
    running = start(command ?? program, [...before, '-f', '-C', conf, ...args], console);
    let over: string | undefined;
    void running.ended.then(({ code, signal }) => (over = `ended with ${code ?? signal}`));
    const ready = async (): Promise<string | undefined> => {
      if (over !== undefined) return over;
      return (await ari.request('GET', '/asterisk/ping')).status === 200 ? '' : undefined;
    };
    const ended = await until(`Asterisk (${release}) at ${ari.url}`, ready, { timeoutMs: 30_000 });
    if (ended !== '') throw new Error(`Asterisk (${release}) ${ended}: ${running.output().slice(-2000)}`);
    // ARI may answer before the last module is there.
    await cli('core waitfullybooted');
  };
  await launch();

  return {
    release,
    dir,
    bindIp,
    sipPort,
    ari,
    pid: () => running.pid,
    cli,
    kill9: async () => {
      running.kill('SIGKILL');
      await running.ended;
    },
    stop: () => running.stop(),
    start: launch,
    freeze: async () => {
      running.kill('SIGSTOP');
      const tasks = `/proc/${running.pid}/task`;
      const stopped = (task: string): boolean => / T \d/.test(readFileSync(join(tasks, task, 'stat'), 'utf8'));
      await until('every thread stopped', () => readdirSync(tasks).every(stopped) || undefined, { everyMs: 5 });
    },
    thaw: () => running.kill('SIGCONT'),
    log: () => readFileSync(join(dir, 'log/full'), 'utf8'),
  };
}
