// Bar 1: every packet that Asterisk sends is counted, echoed and returned, and an independent capture says so, too.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { CallDocument, MetricsDocument } from '../../src/core/report/metrics.ts';
import { type Datagram, capture, datagrams, rtpStreams } from './kit/capture.ts';
import { until } from './kit/process.ts';
import type { LogLine } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { RELEASES, note, quantile, startWorld } from './kit/world.ts';

const ECHO = 4000;
const CALLER_MEDIA = 6000;
const isOurs = (port: number): boolean => port >= 10_000 && port <= 10_100;

/** PCMU of 20 ms with its RTP header, as hexadecimal digits. */
const PACKET_DIGITS = 2 * 172;

/** A capture on loopback sees a train of packets to or from the echo as one datagram. */
function packetsOf(payload: string): readonly string[] {
  return payload.match(new RegExp(`.{1,${PACKET_DIGITS}}`, 'g')) ?? [];
}

/** The four ways of one call's packets through its port. */
interface Legs {
  /** Asterisk's ports that were seen. */
  readonly asteriskPorts: Set<number>;
  readonly fromAsterisk: string[];
  readonly toEcho: string[];
  readonly fromEcho: string[];
  readonly toAsterisk: string[];
}

function legsByPort(packets: readonly Datagram[]): ReadonlyMap<number, Legs> {
  const legs = new Map<number, Legs>();
  const of = (port: number): Legs => {
    let found = legs.get(port);
    if (found === undefined) {
      found = { asteriskPorts: new Set(), fromAsterisk: [], toEcho: [], fromEcho: [], toAsterisk: [] };
      legs.set(port, found);
    }
    return found;
  };
  for (const { srcPort, dstPort, payload } of packets) {
    if (isOurs(dstPort)) {
      if (srcPort === ECHO) of(dstPort).fromEcho.push(...packetsOf(payload));
      else {
        of(dstPort).fromAsterisk.push(payload);
        of(dstPort).asteriskPorts.add(srcPort);
      }
    } else if (dstPort === ECHO) of(srcPort).toEcho.push(...packetsOf(payload));
    else {
      of(srcPort).toAsterisk.push(payload);
      of(srcPort).asteriskPorts.add(dstPort);
    }
  }
  return legs;
}

/**
 * The packets on the way between the shared socket and the echo. Once a second the watch for the echo asks from a port of its own:
 * the busiest is the relay's. The SSRCs are blanked: there they are its own.
 */
function echoPackets(packets: readonly Datagram[], way: 'to' | 'from'): readonly string[] {
  const ours = ({ srcPort, dstPort }: Datagram): number => (way === 'to' ? srcPort : dstPort);
  const sides = Map.groupBy(
    packets.filter(({ srcPort, dstPort }) => (way === 'to' ? dstPort : srcPort) === ECHO),
    ours,
  );
  const bytes = (side: readonly Datagram[]): number => side.reduce((sum, { payload }) => sum + payload.length, 0);
  const [busiest = []] = [...sides.values()].toSorted((one, other) => bytes(other) - bytes(one));
  return busiest.flatMap(({ payload }) => packetsOf(payload)).map(withoutSsrc);
}

function withoutSsrc(packet: string): string {
  return `${packet.slice(0, 16)}--------${packet.slice(24)}`;
}

/** One hash over all datagrams, in whatever order they came. */
function digest(payloads: readonly string[]): string {
  return createHash('sha256').update(payloads.toSorted().join('\n')).digest('hex');
}

/** The lines of one call in the order of the contract; ports are the call's own. */
function expectedLines(id: string, port: number): readonly (Omit<LogLine, 'level'> & { readonly level?: string })[] {
  return [
    { scope: undefined, message: `StasisStart event received for channel ${id}` },
    { scope: 'PortManager', level: 'INFO', message: `Allocated port ${port}` },
    { scope: id, level: 'INFO', message: `Creating new RTP worker on port ${port}` },
    { scope: undefined, message: `Created channel ${id} with RTP port ${port}` },
    { scope: undefined, message: `StasisEnd event received for channel ${id}` },
    { scope: id, level: 'INFO', message: 'RTP worker stopped' },
    { scope: 'PortManager', level: 'INFO', message: `Released port ${port}` },
    { scope: undefined, message: `Cleaned up channel ${id}` },
  ];
}

function expectLinesInOrder(lines: readonly LogLine[], { id, port }: CallDocument): void {
  let at = -1;
  for (const { scope, level, message } of expectedLines(id, port ?? 0)) {
    const next = lines.findIndex(
      (line, index) => index > at && line.scope === scope && line.message === message && (level === undefined || line.level === level),
    );
    expect(next, `"${message}" after line ${at}`).toBeGreaterThan(at);
    at = next;
  }
}

describe.each(RELEASES)('calls through Asterisk of %s', (release) => {
  const scratch = scratchFolder();

  test.each([
    { calls: 1, durationMs: 6000, socket: 'shared' },
    { calls: 10, durationMs: 6000, socket: 'per-call' },
    { calls: 50, durationMs: 8000, socket: 'shared' },
  ])(
    '$calls at once, $socket socket to the echo: counted, echoed, returned unaltered, and tshark agrees',
    async ({ calls, durationMs, socket }) => {
      const world = await startWorld(scratch(`${calls}-calls`), { release });
      await world.echo();
      const service = await world.service({ args: ['--echo-socket', socket] });
      const shared = socket === 'shared';
      const trace = await capture({ dir: world.folder('capture') });

      const sipp = world.callers({ calls, rate: 25, durationMs });
      await until('all calls up and speaking', async () => {
        const live = await service.calls();
        return live.filter((call) => call.state === 'up' && call.counters.returned > 0).length === calls ? true : undefined;
      });
      const during = await service.health();
      expect(during).toMatchObject({ status: 200, body: { status: 'healthy', reason: null, active_calls: calls } });
      expect(during.body.ports).toEqual({ total: 101, free: 101 - calls, bound: calls, draining: 0, foreign: 0 });

      expect(await sipp.result).toEqual({
        created: calls,
        answered: calls,
        refused: {},
        hungUpByPeer: 0,
        cancelled: 0,
        successful: calls,
        failed: 0,
        errors: '',
      });
      await service.idle();
      const file = await trace.stop();
      const ended = await service.calls();
      const metrics = await service.metrics();

      // The numbers of the contract.
      expect(ended).toHaveLength(calls);
      for (const name of ['p50_latency', 'p95_latency', 'p99_latency', 'max_latency', 'avg_latency'] as const) {
        expect(metrics[name], name).toBeGreaterThan(0);
      }
      expect(metrics).toMatchObject({ total_channels: calls, active_channels: 0, peak_channels: calls, calls_refused: 0, calls_failed: 0 });
      expect(metrics.late_ratio).toBeGreaterThanOrEqual(0);
      expect(metrics.total_latencies).toBeGreaterThan(0);
      expect(metrics.total_latencies).toBe(ended.reduce((sum, call) => sum + call.counters.returned, 0));
      expect(metrics.total_latencies).toBe(metrics.counters.returned);

      // The capture, call by call.
      const legs = legsByPort(await datagrams(file, 'udp.port in {10000..10100}'));
      if (shared) {
        const onEcho = await datagrams(file, `udp.port == ${ECHO}`);
        const sent = digest([...legs.values()].flatMap(({ fromAsterisk }) => fromAsterisk.map(withoutSsrc)));
        expect([digest(echoPackets(onEcho, 'to')), digest(echoPackets(onEcho, 'from'))], 'unaltered to the echo and back').toEqual([
          sent,
          sent,
        ]);
      }
      const streams = await rtpStreams(file, ['10000-10100', CALLER_MEDIA]);
      expect(new Set(legs.keys())).toEqual(new Set(ended.map((call) => call.port)));
      expect(legs.size).toBe(calls);
      let lost = 0;
      for (const call of ended) {
        const { counters } = call;
        const leg = legs.get(call.port ?? 0) as Legs;
        expect(leg.asteriskPorts, 'one peer, the one that Asterisk named, both ways').toEqual(
          new Set([Number((call.peer ?? '').split(':').at(-1))]),
        );
        expect(leg.fromAsterisk.length).toBeGreaterThan(0);
        const counted = { from_peer: counters.from_peer, sent: counters.sent, from_echo: counters.from_echo, to_peer: counters.to_peer };
        expect(counted, `port ${call.port}`).toEqual({
          from_peer: leg.fromAsterisk.length,
          sent: shared ? leg.fromAsterisk.length : leg.toEcho.length,
          from_echo: shared ? leg.fromAsterisk.length : leg.fromEcho.length,
          to_peer: leg.toAsterisk.length,
        });
        if (shared) expect([leg.toEcho, leg.fromEcho], "nothing to the echo from the call's own port").toEqual([[], []]);
        expect(counters, 'every one of them came back').toMatchObject({
          sent: counters.from_peer,
          returned: counters.from_peer,
          to_peer: counters.from_peer,
          lost: 0,
          in_flight: 0,
          duplicates: 0,
          unmatched: 0,
          untracked: 0,
          malformed: 0,
          rejected_source: 0,
          send_errors: 0,
        });
        const sent = digest(leg.fromAsterisk);
        const others = shared ? [leg.toAsterisk] : [leg.toEcho, leg.fromEcho, leg.toAsterisk];
        expect(others.map(digest), 'payloads unaltered').toEqual(others.map(() => sent));
        expect(leg.fromAsterisk.reduce((sum, payload) => sum + payload.length / 2, 0)).toBe(counters.bytes_from_peer);

        // As tshark's own RTP analysis sees the way from Asterisk and back: by sequence numbers, without us.
        const ways = streams.filter(
          ({ srcPort, dstPort }) => (srcPort === call.port || dstPort === call.port) && srcPort !== ECHO && dstPort !== ECHO,
        );
        expect(ways.map(({ packets, lost: missing }) => ({ packets, missing }))).toEqual(
          Array.from({ length: 2 }, () => ({ packets: counters.from_peer, missing: 0 })),
        );
        lost += counters.lost;

        expect(call.setup_ms).toBeGreaterThan(0);
        expect(call.first_packet_ms).toBeGreaterThan(0);
        expect(call).toMatchObject({
          state: 'ended',
          total_latencies: counters.returned,
          packet_loss_ratio: 0,
          end_reason: 'caller hung up',
        });
        expectLinesInOrder(service.lines(), call);
      }
      expect(metrics.packet_loss_ratio).toBe(lost / metrics.counters.sent);

      // The caller hears it: as much as the capture shows going back to Asterisk, but for what it drops while it learns the source.
      const heard = streams.filter(({ dstPort }) => dstPort === CALLER_MEDIA);
      expect(heard).toHaveLength(calls);
      const returned = ended.reduce((sum, call) => sum + call.counters.to_peer, 0);
      expect(heard.reduce((sum, { packets }) => sum + packets, 0)).toBeGreaterThan(returned * 0.9);

      await world.cleared();
      const ending = await service.finish();
      expect(ending).toMatchObject({ code: 0, signal: null, errors: '' });
      expect(ending.output).toContain('verdict: ');
      expect(ending.run).toMatchObject({
        command: 'ari-serve',
        summary: { total_latencies: metrics.total_latencies, total_channels: calls },
      });
      expect(ending.run.calls.map((call) => [call.id, call.counters])).toEqual(ended.map((call) => [call.id, call.counters]));
      const setup = ended.map((call) => call.setup_ms ?? Number.NaN);
      note(
        `${release}, ${calls} calls: ${metrics.counters.from_peer} packets, 0 lost; latency p50 ${metrics.p50_latency} p99 ${metrics.p99_latency} ms; ` +
          `set-up p50 ${quantile(setup, 0.5).toFixed(1)} p95 ${quantile(setup, 0.95).toFixed(1)} ms`,
      );
    },
  );

  test('the four documents of a call, while it is up', async () => {
    const world = await startWorld(scratch('documents'), { release });
    await world.echo();
    const service = await world.service();
    expect(await service.metrics()).toMatchObject({ total_channels: 0, total_latencies: 0, p50_latency: null, packet_loss_ratio: null });
    const sipp = world.callers({ calls: 1, durationMs: 3000 });
    const [call] = await until('a call up', async () => {
      const calls = await service.calls();
      return calls[0] !== undefined && calls[0].counters.returned > 20 ? calls : undefined;
    });
    const id = call?.id ?? '';

    const one = await service.get<CallDocument>(`/channels/${id}`);
    expect(one).toMatchObject({ status: 200, body: { id, state: 'up', port: 10_000, ended_at: null, end_reason: null } });
    expect(one.body.setup_ms).toBeGreaterThan(0);
    expect(one.body.first_packet_ms).toBeGreaterThan(0);
    expect(one.body.jitter_ms).toBeGreaterThanOrEqual(0);
    expect((await service.get(`/channels/${id}0`)).status).toBe(404);

    const json = await service.get<MetricsDocument>('/metrics', '*/*');
    expect(json.contentType).toContain('application/json');
    const names =
      'total_channels active_channels total_latencies p50_latency p95_latency p99_latency max_latency avg_latency late_ratio packet_loss_ratio';
    for (const name of names.split(' ')) expect(json.body, name).toHaveProperty(name);
    const text = await service.get<string>('/metrics', 'text/plain');
    expect(text.contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.body).toMatch(/^rtplat_channels_total 1$/m);
    expect(text.body).toMatch(/^rtplat_ports\{state="bound"\} 1$/m);
    expect((await service.get<string>('/metrics', 'application/openmetrics-text')).body.trimEnd()).toMatch(/# EOF$/);

    const sla = await service.get<{ verdict: string; channels: number; checks: readonly { name: string; status: string }[] }>('/sla');
    expect(sla).toMatchObject({ status: 200, body: { channels: 1 } });
    expect(sla.body.checks.map(({ name }) => name)).toEqual([
      'p50_latency',
      'p95_latency',
      'p99_latency',
      'max_latency',
      'late_ratio',
      'packet_loss_ratio',
    ]);
    expect(['pass', 'fail', 'insufficient']).toContain(sla.body.verdict);
    expect(await sipp.result).toMatchObject({ answered: 1, successful: 1 });
    await service.idle();
  });
});
