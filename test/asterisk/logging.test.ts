/** Where the lines of `rtplat sip-serve` go: a real rsyslog takes them apart, and a disk that is really full ends no call. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { establish, hangUp } from './kit/sip-scenario.ts';
import { peer } from './kit/peers.ts';
import { start, until } from './kit/process.ts';
import type { Running } from './kit/process.ts';
import { callers, SIP_PORT } from './kit/sip-server.ts';
import { scratchFolder } from './kit/scratch.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
const SYSLOG_PORT = 5514;
const scratch = scratchFolder();

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** `rtplat sip-serve` with this [logging]; `through` are the words of a program that starts it. */
async function serve(dir: string, logging: string, through: readonly string[] = []): Promise<Running> {
  const file = join(dir, 'sip-serve.toml');
  writeFileSync(file, `[health]\nhealth_check_port = 8090\n[behavior]\nauto_answer_delay_ms = 0\n[logging]\n${logging}\n`);
  const [program, ...args] = [...through, process.execPath, PROGRAM, 'sip-serve', '--config', file];
  const running = start(program, [...args, '--bind', '127.0.0.1', '--port', String(SIP_PORT)], join(dir, 'stdout'), { cwd: dir });
  onTestFinished(() => running.stop());
  await until('sip-serve listening', () => running.output().includes(' sip-serve: UDP ') || undefined);
  return running;
}

interface Rsyslog {
  readonly socket: string;
  readonly running: Running;
  /** Messages of one input, by the names of rsyslog's properties. Waits until one of them holds `part`. */
  messages(input: string, part: string): Promise<readonly Readonly<Record<string, string>>[]>;
}

const PROPERTIES = ['inputname', 'syslogfacility-text', 'syslogseverity-text', 'programname', 'procid', 'hostname', 'timereported', 'msg'];

async function rsyslog(dir: string): Promise<Rsyslog> {
  const out = join(dir, 'received');
  // The path of a socket is short.
  const socket = `/tmp/rtplat-syslog-${process.pid}`;
  const fields = PROPERTIES.map((name) => (name === 'timereported' ? '%timereported:::date-rfc3339%' : `%${name}%`));
  const conf = join(dir, 'rsyslog.conf');
  writeFileSync(
    conf,
    `global(workDirectory="${dir}")
module(load="imuxsock" SysSock.Use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" Socket="${socket}")
input(type="imudp" address="127.0.0.1" port="${SYSLOG_PORT}")
input(type="imtcp" address="127.0.0.1" port="${SYSLOG_PORT}")
template(name="fields" type="string" string="${fields.join('\\t')}\\n")
*.* action(type="omfile" file="${out}" template="fields" asyncWriting="off")
`,
  );
  const running = start(peer('rsyslogd'), ['-n', '-f', conf, '-i', join(dir, 'rsyslog.pid')], join(dir, 'rsyslog.log'));
  onTestFinished(async () => {
    await running.stop();
    rmSync(socket, { force: true });
  });
  await until('rsyslog listening', () => existsSync(socket) || undefined);
  return {
    socket,
    running,
    messages: (input, part) =>
      until(`a message with "${part}" by ${input}`, () => {
        const all = read(out)
          .split('\n')
          .map((line) => line.split('\t'))
          .map((values) => Object.fromEntries(PROPERTIES.map((name, i) => [name, values[i] ?? ''])))
          .filter(({ inputname }) => inputname === input);
        return all.some(({ msg }) => msg?.includes(part)) ? all : undefined;
      }),
  };
}

describe('syslog', () => {
  it.each([
    ['imuxsock', (socket: string) => `unix://${socket}`],
    ['imudp', () => `udp://127.0.0.1:${SYSLOG_PORT}`],
    ['imtcp', () => `tcp://127.0.0.1:${SYSLOG_PORT}`],
  ] as const)('by %s is understood by rsyslog', async (input, destination) => {
    const dir = scratch(input);
    const { socket, messages } = await rsyslog(dir);
    const logging = `enable_file_logging = false\nsyslog = "${destination(socket)}"\nsyslog_facility = "local5"`;
    const before = Date.now();
    const running = await serve(dir, logging);
    const result = await callers({ dir, user: 'grüße-1', steps: [...establish(), ...hangUp(2)] });
    expect(result.code, result.errors).toBe(0);
    await running.stop();
    const all = await messages(input, 'sip-serve stopped');
    const printed = running.output().trimEnd().split('\n');
    expect(all.map(({ msg = '' }) => msg.trim())).toEqual(printed.map((line) => line.slice(line.indexOf(' ') + 1)));
    for (const message of all) {
      expect(message).toMatchObject({
        ...{ 'syslogfacility-text': 'local5', 'syslogseverity-text': 'info', programname: 'rtplat-sip-serve', procid: String(running.pid) },
        hostname: hostname().toLowerCase(),
      });
      const reported = Date.parse(message['timereported'] ?? '');
      // The socket of this host has whole seconds, and rsyslog its own more exact ones.
      expect(reported).toBeGreaterThan(before - 1_000);
      expect(reported).toBeLessThanOrEqual(Date.now());
    }
  });

  it('that is gone for a while ends no call, and gets what waited', async () => {
    const dir = scratch('gone');
    const first = await rsyslog(dir);
    const running = await serve(dir, `enable_file_logging = false\nsyslog = "tcp://127.0.0.1:${SYSLOG_PORT}"`);
    await first.messages('imtcp', 'sip-serve: UDP ');
    await first.running.stop();
    await until('the loss told', () => running.output().includes('Syslog at tcp://127.0.0.1:5514: ') || undefined);
    const result = await callers({ dir, user: 'waits', steps: [...establish(), ...hangUp(2)] });
    expect(result.code, result.errors).toBe(0);
    const second = await rsyslog(dir);
    const all = await second.messages('imtcp', 'Ended by caller');
    expect(all.filter(({ msg }) => msg?.includes('INVITE for waits'))).toHaveLength(1);
    await until('the return told', () => running.output().includes('works again; no line was lost') || undefined);
  });
});

describe('a disk of 64 kB', () => {
  it('that is full ends no call; lines wait, and come when there is room', async () => {
    const dir = scratch('full');
    const disk = join(dir, 'disk');
    mkdirSync(disk);
    // Mounted for the service alone; its folder is reached by way of the process.
    const mount = 'mount -t tmpfs -o size=64k none "$0" && head -c 65536 /dev/zero > "$0/ballast" 2> /dev/null; exec "$@"';
    const running = await serve(dir, `enable_syslog = false\nfile = "${disk}/x.log"`, ['unshare', '-m', 'sh', '-c', mount, disk]);
    const told = () => running.output().match(/Log file \S+x\.log: ENOSPC: [^\n]*/g) ?? [];
    await until('the full disk told', () => told().length > 0 || undefined);
    for (let i = 0; i < 3; i++) {
      const result = await callers({ dir, user: `full-${i}`, calls: 5, steps: [...establish(), ...hangUp(2)] });
      expect(result.code, result.errors).toBe(0);
    }
    expect(told()).toHaveLength(1);
    const inside = `/proc/${running.pid}/root${disk}`;
    expect(read(`${inside}/x.log`)).toBe('');
    rmSync(`${inside}/ballast`);
    await until('the disk works again', () => running.output().includes('x.log works again; no line was lost') || undefined);
    const calls = read(`${inside}/x.log`).match(/INVITE for full-\d/g) ?? [];
    expect(calls).toHaveLength(15);
    expect(read(`${inside}/x.log`)).toMatch(/^\S+ sip-serve: UDP /);
  });
});
