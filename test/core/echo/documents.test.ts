import { describe, expect, it, test } from 'vitest';
import { echoFamilies, echoNumbers, echoRoutes, refusedSince } from '../../../src/core/echo/documents.ts';
import { EchoMemory, NONE_REFUSED } from '../../../src/core/echo/memory.ts';
import type { EchoCounters } from '../../../src/core/echo/memory.ts';
import { REFUSALS } from '../../../src/core/guard/guard.ts';
import { renderText } from '../../../src/core/report/render/exposition-text.ts';
import { readPage } from '../../docs/markdown.ts';
import { HttpCounts } from '../../../src/core/service/http-counts.ts';

const NONE = EchoMemory.create().counters();
const refusals = Object.fromEntries(REFUSALS.map((name, i) => [name, i + 1])) as EchoCounters['refusals'];
const BUSY: EchoCounters = { ...NONE, packets: 100, bytes: 17_200, sent: 64, refused: 36, refusals, socketDrops: 2 };

describe('GET /metrics', () => {
  const answer = echoRoutes({ counters: () => BUSY, uptimeSeconds: () => 12.5, http: new HttpCounts() });

  it('is JSON with every refusal', () => {
    const { status, body } = answer({ path: '/metrics', accept: '' }) ?? {};
    expect(status).toBe(200);
    expect(JSON.parse(String(body))).toMatchObject({
      packets: 100,
      sent: 64,
      refused: 36,
      refused_port: 1,
      refused_loop: 8,
      uptime_seconds: 12.5,
    });
  });

  it('is text for Prometheus', () => {
    const text = String(answer({ path: '/metrics', accept: 'text/plain' })?.body).split('\n');
    expect(text).toEqual(
      expect.arrayContaining([
        'rtplat_echo_packets_total 100',
        ...REFUSALS.map((reason, i) => `rtplat_echo_refused_packets_total{reason="${reason}"} ${i + 1}`),
        'rtplat_echo_socket_drops_total 2',
      ]),
    );
  });

  it('leaves out what is not known', () => {
    expect(renderText(echoFamilies(NONE, 1), 'prometheus')).not.toContain('socket_drops');
    expect(echoNumbers(NONE)['socket_drops']).toBeNull();
  });

  it('is next to a health that says it is there', () => {
    expect(answer({ path: '/health', accept: '' })).toMatchObject({ status: 200 });
    expect(answer({ path: '/', accept: '' })).toBeUndefined();
  });
});

test('refusedSince names what was refused since then', () => {
  expect(refusedSince(NONE, NONE)).toBe('');
  const now = { ...NONE, refusals: { ...NONE_REFUSED, rtcp: 3, loop: 7 } };
  expect(refusedSince({ ...NONE, refusals: { ...NONE_REFUSED, loop: 5 } }, now)).toBe('3 RTCP, 2 going round in a loop');
});

test('docs/echo.md names every counter, every reason and every metric', () => {
  const { prose } = readPage('docs/echo.md');
  const shown = [...prose.matchAll(/^\| `(rtplat_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  const text = renderText(echoFamilies(BUSY, 1), 'prometheus');
  expect(shown).toEqual([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`));
  for (const name of [...Object.keys(echoNumbers(BUSY)), ...REFUSALS]) expect(prose).toContain(`\`${name}\``);
});
