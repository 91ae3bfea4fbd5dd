import { describe, expect, it, test } from 'vitest';
import { monitorFamilies, monitorHealth, serviceDocument } from '../../../src/core/monitor/documents.ts';
import { renderText } from '../../../src/core/report/render/exposition-text.ts';
import type { PolicyState } from '../../../src/core/monitor/policy-types.ts';
import { ServicePolicy } from '../../../src/core/monitor/policy.ts';
import { monitorRoutes } from '../../../src/core/monitor/routes.ts';
import { HttpCounts } from '../../../src/core/service/http-counts.ts';
import { readPage } from '../../docs/markdown.ts';
import { SETTINGS } from './policy-world.ts';

const NEW: PolicyState = new ServicePolicy(SETTINGS, () => 0).state(0);
const UP: PolicyState = { ...NEW, phase: 'up', up: true, pid: 7, upForMs: 1_500, lastProbeMs: 0.25, checks: { passed: 4, failed: 1 } };
const FACTS = { uptimeSeconds: 12, memoryBytes: 2 ** 20, cpuPercent: null };

describe('/health', () => {
  it('is healthy while the monitor has things in hand', () => {
    const waiting = { ...NEW, phase: 'waiting' as const, up: false };
    expect(monitorHealth([serviceDocument('echo', UP), serviceDocument('sip', waiting)], FACTS)).toEqual({
      status: 'healthy',
      reason: null,
      uptime_seconds: 12,
      services: { total: 2, up: 1, given_up: 0 },
      memory_usage_mb: 1,
      cpu_usage_percent: null,
    });
  });

  it('says who needs somebody', () => {
    const lost: PolicyState = {
      ...NEW,
      phase: 'given_up',
      up: false,
      lastFailure: { reason: 'exited', text: 'process 7 ended with status 1' },
    };
    const services = [serviceDocument('echo', lost), serviceDocument('sip', { ...NEW, phase: 'down', up: false })];
    expect(monitorHealth(services, FACTS)).toMatchObject({
      status: 'unhealthy',
      reason: 'echo is given up: process 7 ended with status 1; sip is down',
      services: { given_up: 1 },
    });
    const answer = monitorRoutes({ services: () => services, facts: () => FACTS, http: new HttpCounts() })({ path: '/health', accept: '' });
    expect(answer?.status).toBe(503);
  });
});

describe('/metrics', () => {
  it('leaves out what is not known', () => {
    const text = renderText(monitorFamilies([serviceDocument('echo', NEW)], FACTS), 'prometheus');
    for (const name of ['monitor_up', 'monitor_ready', 'monitor_last_probe_seconds', 'monitor_service_uptime_seconds']) {
      expect(text).not.toContain(`rtplat_${name}{`);
    }
    expect(text).toContain('rtplat_monitor_restarts_total{service="echo",reason="timeout"} 0');
  });

  it('has what is', () => {
    const text = renderText(monitorFamilies([serviceDocument('echo', { ...UP, notReady: 'no Asterisk' })], FACTS), 'prometheus');
    expect(text.split('\n')).toEqual(
      expect.arrayContaining([
        'rtplat_monitor_up{service="echo"} 1',
        'rtplat_monitor_ready{service="echo"} 0',
        'rtplat_monitor_given_up{service="echo"} 0',
        'rtplat_monitor_checks_total{service="echo",result="passed"} 4',
        'rtplat_monitor_last_probe_seconds{service="echo"} 0.00025',
        'rtplat_monitor_service_uptime_seconds{service="echo"} 1.5',
        'rtplat_monitor_uptime_seconds 12',
      ]),
    );
  });

  it('is text for whoever asks for nothing, and OpenMetrics for whoever wants it', () => {
    const answer = monitorRoutes({ services: () => [serviceDocument('echo', UP)], facts: () => FACTS, http: new HttpCounts() });
    expect(answer({ path: '/metrics', accept: '' })?.contentType).toContain('text/plain');
    expect(answer({ path: '/metrics', accept: 'application/openmetrics-text' })?.body).toMatch(/# EOF\n$/);
    expect(answer({ path: '/nothing', accept: '' })).toBeUndefined();
  });
});

test('docs/monitor.md names every metric, and every member of /services', () => {
  const { prose } = readPage('docs/monitor.md');
  const shown = [...prose.matchAll(/^\| `(rtplat_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  const text = renderText(monitorFamilies([serviceDocument('echo', UP)], FACTS), 'prometheus');
  expect(shown).toEqual([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`));
  for (const member of Object.keys(serviceDocument('echo', UP))) expect(prose).toContain(`\`${member}\``);
});
