import { expect, test } from 'vitest';
import { healthDocument } from '../../../src/core/service/health.ts';
import type { HealthFacts } from '../../../src/core/service/health.ts';

const WELL: HealthFacts = {
  checks: [
    { name: 'ari', ok: true, reason: null },
    { name: 'echo', ok: true, reason: null },
  ],
  ports: { total: 101, free: 1, bound: 100, draining: 0, foreign: 0 },
  stopping: false,
  uptimeSeconds: 12.5,
  activeCalls: 100,
  totalCalls: 1_000,
  memoryBytes: 96 * 1_024 ** 2,
  cpuPercent: null,
};

test('healthy when a call could be taken, with the fields of the contract', () => {
  expect(healthDocument(WELL)).toMatchObject({
    status: 'healthy',
    reason: null,
    uptime_seconds: 12.5,
    active_calls: 100,
    total_calls: 1_000,
    memory_usage_mb: 96,
    cpu_usage_percent: null,
  });
});

test('memory that cannot be asked for is not known', () => {
  expect(healthDocument({ ...WELL, memoryBytes: null }).memory_usage_mb).toBeNull();
});

test.each([
  ['ARI is away', { checks: [{ name: 'ari', ok: false, reason: 'no connection' }] }, 'no connection'],
  ['the echo does not answer', { checks: [{ name: 'echo', ok: false, reason: 'no answer' }] }, 'no answer'],
  ['a check does not say why', { checks: [{ name: 'echo', ok: false, reason: null }] }, 'unknown'],
  ['no port is free', { ports: { total: 101, free: 0, bound: 90, draining: 11, foreign: 0 } }, 'all 101 ports are in use'],
  ['it is stopping', { stopping: true }, 'the service is stopping'],
] as const)('unhealthy when %s', (_, facts, reason) => {
  expect(healthDocument({ ...WELL, ...facts })).toMatchObject({ status: 'unhealthy', reason });
});

test('every reason is told', () => {
  const checks = [
    { name: 'ari', ok: false, reason: 'a' },
    { name: 'echo', ok: false, reason: 'b' },
  ];
  const document = healthDocument({ ...WELL, checks, stopping: true });
  expect(document.reason).toBe('a; b; the service is stopping');
  expect(document.checks.map(({ name, ok }) => `${name} ${ok}`)).toEqual(['ari false', 'echo false', 'ports true', 'service false']);
});

test('a port that another process had may be free by now', () => {
  expect(healthDocument({ ...WELL, ports: { total: 2, free: 0, bound: 1, draining: 0, foreign: 1 } }).status).toBe('healthy');
});

test('what calls can do without is told, and does no harm', () => {
  const checks = [{ name: 'registrations', ok: false, reason: 'not registered', required: false }] as const;
  const document = healthDocument({ ...WELL, checks });
  expect(document).toMatchObject({ status: 'healthy', reason: null });
  expect(document.checks[0]).toEqual(checks[0]);
});

test('ports of relayed calls that are all in use are a reason too', () => {
  const relayPorts = { total: 7, free: 0, bound: 7, draining: 0, foreign: 0 };
  const document = healthDocument({ ...WELL, relayPorts });
  expect(document).toMatchObject({ status: 'unhealthy', reason: 'all 7 ports of relayed calls are in use', relay_ports: relayPorts });
  expect(healthDocument({ ...WELL, relayPorts: null }).relay_ports).toBeNull();
  expect(healthDocument(WELL)).not.toHaveProperty('relay_ports');
});
