import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { peer } from './peers.ts';
import { run, start, until } from './process.ts';

export interface CaptureOptions {
  /** Interface, default `lo`. */
  readonly iface?: string;
  /** libpcap filter, default `udp`. */
  readonly filter?: string;
  /** Folder for the capture file and dumpcap's own words. */
  readonly dir: string;
  /** An address that is reached through the interface, default 127.0.0.1. */
  readonly via?: string;
}

export interface Capture {
  readonly file: string;
  /** Ends it, when every packet sent before this call is in the file. Rejects when dumpcap dropped any: such a capture is no judge. */
  stop(): Promise<string>;
}

// The marker goes to the discard port: no protocol of the suites uses it.
const MARKER_PORT = 9;

/** Sends one datagram and waits until it is in the file: what was captured before it is then there, too. */
async function flush(file: string, via: string): Promise<void> {
  const marker = randomBytes(24);
  const socket = createSocket('udp4');
  const send = (): Promise<void> => new Promise((resolve) => socket.send(marker, MARKER_PORT, via, () => resolve()));
  try {
    await send();
    await until(`the end marker in ${file}`, () => readFileSync(file).includes(marker) || undefined, { everyMs: 100 });
  } finally {
    socket.close();
  }
}

/** Captures with dumpcap; resolves when it is capturing. */
export async function capture(options: CaptureOptions): Promise<Capture> {
  const { iface = 'lo', filter = 'udp', dir, via = '127.0.0.1' } = options;
  const file = join(dir, `${iface}.pcapng`);
  const args = ['-q', '-i', iface, '-B', '64', '-f', `(${filter}) or udp port ${MARKER_PORT}`, '-w', file];
  const running = start(peer('dumpcap'), args, join(dir, 'dumpcap.log'));
  let over = false;
  void running.ended.then(() => (over = true));
  await until('dumpcap capturing', () => (over || running.output().includes('File:') ? true : undefined), { everyMs: 10 });
  if (over) throw new Error(`dumpcap on ${iface}: ${running.output().trim()}`);
  await flush(file, via); // and the first packet that matters will be in it, too
  return {
    file,
    stop: async () => {
      await flush(file, via);
      running.kill('SIGINT');
      await running.ended;
      const [, received, dropped] = /received\/dropped on interface '.*': (\d+)\/(\d+)/.exec(running.output()) ?? [];
      if (dropped !== '0') throw new Error(`dumpcap dropped ${dropped ?? 'an unknown number'} of ${received ?? '?'} packets`);
      return file;
    },
  };
}

/** One stream as tshark sees it. */
export interface RtpStream {
  readonly srcIp: string;
  readonly srcPort: number;
  readonly dstIp: string;
  readonly dstPort: number;
  readonly ssrc: number;
  readonly payload: string;
  readonly packets: number;
  /** By sequence number; negative when there were duplicates. */
  readonly lost: number;
  readonly meanJitterMs: number;
  readonly maxJitterMs: number;
}

/** Parses the table that `tshark -q -z rtp,streams` prints. */
export function parseRtpStreams(table: string): readonly RtpStream[] {
  const streams: RtpStream[] = [];
  for (const line of table.split('\n')) {
    // start end srcIp srcPort dstIp dstPort ssrc payload… packets lost (x%) Δmin Δmean Δmax jmin jmean jmax problems?
    const match = /^\s*[\d.]+\s+[\d.]+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s+0x([0-9A-Fa-f]+)\s+(.+?)\s+(\d+)\s+(-?\d+) \(/.exec(line);
    if (match === null) continue;
    const [, srcIp = '', srcPort, dstIp = '', dstPort, ssrc = '', payload = '', packets, lost] = match;
    const times = line
      .slice(line.indexOf('%)') + 2)
      .trim()
      .split(/\s+/)
      .map(Number);
    streams.push({
      srcIp,
      srcPort: Number(srcPort),
      dstIp,
      dstPort: Number(dstPort),
      ssrc: Number.parseInt(ssrc, 16),
      payload,
      packets: Number(packets),
      lost: Number(lost),
      meanJitterMs: times[4] ?? Number.NaN,
      maxJitterMs: times[5] ?? Number.NaN,
    });
  }
  return streams;
}

/** The RTP streams of a capture; `ports`: UDP ports or ranges (`10000-10100`) whose datagrams are RTP. */
export async function rtpStreams(file: string, ports: readonly (number | string)[]): Promise<readonly RtpStream[]> {
  const decode = ports.flatMap((port) => ['-d', `udp.port==${port},rtp`]);
  return parseRtpStreams(await run(peer('tshark'), ['-r', file, ...decode, '-q', '-z', 'rtp,streams'], { timeoutMs: 120_000 }));
}

/** One UDP datagram of a capture. */
export interface Datagram {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly timeS: number;
  /** Payload in hexadecimal. */
  readonly payload: string;
}

/** The UDP datagrams of a capture that match a display filter, in order. */
export async function datagrams(file: string, displayFilter: string): Promise<readonly Datagram[]> {
  const fields = ['udp.srcport', 'udp.dstport', 'frame.time_epoch', 'udp.payload'].flatMap((field) => ['-e', field]);
  const out = await run(peer('tshark'), ['-r', file, '-Y', displayFilter, '-T', 'fields', ...fields], { timeoutMs: 120_000 });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [srcPort, dstPort, time, payload = ''] = line.split('\t');
      return { srcPort: Number(srcPort), dstPort: Number(dstPort), timeS: Number(time), payload };
    });
}
