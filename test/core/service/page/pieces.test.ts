import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noRelay } from '../../../../src/core/relay/none.ts';
import { checkService } from '../../../../src/core/report/verdict.ts';
import type { CallDocument, MetricsDocument, PortCounts } from '../../../../src/core/report/metrics.ts';
import type { SeriesRow } from '../../../../src/core/report/run.ts';
import { healthDocument } from '../../../../src/core/service/health.ts';
import type { HealthDocument } from '../../../../src/core/service/health.ts';
import { renderPieces } from '../../../../src/core/service/page/pieces.ts';
import type { PieceSources } from '../../../../src/core/service/page/pieces.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { histogramOf } from '../../report/make-run.ts';
import { parseXml } from '../../report/render/xml.ts';
import type { XmlElement } from '../../report/render/xml.ts';

const METRICS = noRelay({ clock: 'kernel', name: 'batch', reason: 'given' }, () => 1).metrics();
const PORTS: PortCounts = { total: 10, free: 7, bound: 2, draining: 0, foreign: 1 };

const health = (relayPorts: PortCounts | null = null, ports = PORTS): HealthDocument =>
  healthDocument({
    ...{ checks: [], ports, relayPorts, stopping: false, uptimeSeconds: 1, activeCalls: 0, totalCalls: 0 },
    ...{ memoryBytes: 1, cpuPercent: null },
  });

/** A service of two calls that measured 20,000 packets. */
const latency = histogramOf(Array.from({ length: 20_000 }, (_, i) => (i + 1) * 500));
const row = (t: number): SeriesRow => ({ t, sent: 50, received: 50, lost: 0, late: 0, p50: 1, p95: 2, p99: 3, max: 4 });
const call = (id: string, parts: Partial<CallDocument> = {}): CallDocument => ({
  ...{
    id,
    name: 'PJSIP/a',
    sip_call_id: null,
    inside_ms: null,
    state: 'up',
    port: 1,
    peer: null,
    started_at: '',
    ended_at: null,
    duration_seconds: 1,
    setup_ms: 1,
  },
  ...{ first_packet_ms: 1, jitter_ms: 1, total_latencies: 100, p50_latency: 1, p95_latency: 2, p99_latency: 3, max_latency: 4 },
  ...{ avg_latency: 1, late_ratio: 0, packet_loss_ratio: 0, counters: METRICS.counters, end_reason: null },
  ...parts,
});

interface Measured {
  readonly histogram?: LatencyHistogram;
  readonly recent?: readonly SeriesRow[];
  readonly calls?: readonly CallDocument[];
}

function sources(measured: Measured = {}, parts: Partial<PieceSources> = {}): PieceSources {
  const { histogram = latency, recent = [row(-4), row(-3)], calls = [call('one'), call('two')] } = measured;
  return {
    relay: { histogram, recent: () => recent, calls: () => calls },
    relays: true,
    health: () => health(),
    verdict: () => checkService(METRICS),
    ...parts,
  };
}

const NOTHING: Measured = { histogram: new LatencyHistogram(), recent: [], calls: [] };

/** All elements of a piece, which is well-formed. */
function elementsOf(markup: string): readonly XmlElement[] {
  const found: XmlElement[] = [];
  const gather = (element: XmlElement): void => {
    found.push(element);
    for (const one of element.inside) gather(one);
  };
  gather(parseXml(`<div>${markup}</div>`));
  return found.slice(1);
}

const pictured = (pieces: object): readonly string[] =>
  Object.keys(pieces)
    .filter((name) => name.endsWith('-seen'))
    .map((name) => name.slice(0, -'-seen'.length));

describe('the pieces of the page', () => {
  it('are the pictures of a report, each with a name and a description', () => {
    const pieces = renderPieces(sources());
    expect(pictured(pieces)).toEqual(['percentiles', 'timeline', 'by-call']);
    for (const name of pictured(pieces)) {
      const pictures = elementsOf(pieces[`${name}-seen`] ?? '').filter(({ attributes }) => attributes.get('role') === 'img');
      expect(pictures.map(({ attributes }) => attributes.get('class'))).toEqual(['wide', 'narrow']);
      for (const { inside } of pictures) expect(inside.slice(0, 2).map((one) => one.name)).toEqual(['title', 'desc']);
    }
    expect(pieces['quiet']).toBe('');
  });

  it('say that nothing was measured, and draw no axis of nothing', () => {
    const pieces = renderPieces(sources(NOTHING));
    expect(pictured(pieces)).toEqual([]);
    expect(pieces['quiet']).toMatch(/^Nothing was measured yet/);
    expect(Object.values(pieces).join('')).not.toMatch(/NaN|undefined|null/);
  });

  it('say that nothing came back, that nothing was sent lately, and that nothing is relayed', () => {
    expect(renderPieces(sources({ histogram: new LatencyHistogram() }))['quiet']).toMatch(/none came back/);
    expect(renderPieces(sources({ recent: [] }))['quiet']).toMatch(/^No packet was sent/);
    const pieces = renderPieces(sources(NOTHING, { relays: false, verdict: () => 'no call is relayed, so none is measured' }));
    expect(pieces).toMatchObject({
      quiet: 'No call is relayed here, so no latency is measured.',
      sla: '<p>Not judged: no call is relayed, so none is measured.</p>',
    });
  });

  it('are of calls that are up', () => {
    const calls = [call('one'), call('two', { ended_at: '2026-11-21T10:00:00.000Z' })];
    expect(pictured(renderPieces(sources({ calls })))).toEqual(['percentiles', 'timeline']);
  });

  it('are of a hundred calls at the most, the worst', () => {
    const calls = Array.from({ length: 5_000 }, (_, i) => call(`call-${i}`, { max_latency: 4 + i }));
    const pieces = renderPieces(sources({ calls }));
    expect(pieces['by-call-about']).toContain('Of 5,000 calls, the 100 with the highest maximum.');
    expect(pieces['by-call-seen']).toContain('call-4900)');
    expect(pieces['by-call-seen']).not.toContain('call-4899)');
    expect(JSON.stringify(pieces).length).toBeLessThan(200_000);
  });
});

describe('the verdict', () => {
  const verdictOf = (metrics: Partial<MetricsDocument>): XmlElement | undefined =>
    elementsOf(renderPieces(sources({}, { verdict: () => checkService({ ...METRICS, ...metrics }) }))['sla'] ?? '').find(
      ({ name }) => name === 'strong',
    );

  it('is never good on too few samples', () => {
    const good = { p50_latency: 1, p95_latency: 1, p99_latency: 1, max_latency: 1, late_ratio: 0, packet_loss_ratio: 0 };
    const counters = { ...METRICS.counters, returned: 9_999 };
    const few = verdictOf({ ...good, total_latencies: 9_999, counters });
    expect([few?.text, few?.attributes.get('class')]).toEqual(['insufficient', 'doubt']);
    const enough = verdictOf({ ...good, total_latencies: 10_000, counters: { ...counters, returned: 10_000 } });
    expect([enough?.text, enough?.attributes.get('class')]).toEqual(['pass', 'good']);
    const failed = verdictOf({ ...good, max_latency: 100, total_latencies: 9_999, counters });
    expect([failed?.text, failed?.attributes.get('class')]).toEqual(['fail', 'bad']);
  });
});

describe('the ports', () => {
  it('are told in words, and as a bar of as many states', () => {
    const { ports = '' } = renderPieces(sources());
    expect(ports).toContain('Ports: 2 of 10 in use, 0 draining after a call, 1 held by others, 7 free');
    const bars = elementsOf(ports).filter(({ name }) => name === 'rect');
    expect(bars.map(({ attributes }) => [attributes.get('class'), attributes.get('x'), attributes.get('width')])).toEqual([
      ['bound', '0', '200'],
      ['draining', '200', '0'],
      ['foreign', '200', '100'],
    ]);
  });

  it('are two ranges where calls are relayed and others are not', () => {
    const { ports = '' } = renderPieces(sources({}, { health: () => health(PORTS) }));
    expect(elementsOf(ports).filter(({ name }) => name === 'svg')).toHaveLength(2);
    expect(renderPieces(sources({}, { health: () => health(null, { ...PORTS, total: 0 }) }))['ports']).toBe('');
  });
});

describe('what cannot happen', () => {
  it('texts of peers stay texts, and change nothing around them', () => {
    const shape = (text: string): readonly string[] =>
      Object.values(renderPieces(sources({ ...NOTHING, calls: [call(text, { name: `${text}.` }), call('two')] })))
        .flatMap(elementsOf)
        .map(({ name, attributes }) => `${name} ${[...attributes.keys()].join(' ')}`);
    const plain = shape('plain');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), fc.constantFrom(...HOSTILE)), (text) => {
        expect(shape(text)).toEqual(plain);
      }),
      { numRuns: 50 },
    );
  });

  it('nothing in a piece runs, fetches, or has styles that the policy forbids', () => {
    for (const piece of Object.values(renderPieces(sources()))) {
      for (const { name, attributes } of elementsOf(piece)) {
        expect(['script', 'style', 'link', 'img', 'iframe', 'a', 'form', 'use', 'image', 'foreignobject']).not.toContain(name);
        for (const attribute of attributes.keys()) expect(attribute).not.toMatch(/^(?:on.*|style|href|src)$/);
      }
    }
  });
});

const HOSTILE = [
  '</title><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '</svg><iframe srcdoc=x>',
  ']]><!--',
  '\u202e<svg/onload=alert(1)>',
  '\u0000',
];
