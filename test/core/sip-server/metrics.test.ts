import { describe, expect, test } from 'vitest';
import { registrationsCheck } from '../../../src/core/sip-server/health.ts';
import { sipDocument, sipFamilies } from './families.ts';

describe('the families of sip-serve', () => {
  test.each(['prometheus', 'openmetrics'] as const)('leave out what was not measured (%s)', (format) => {
    const text = sipFamilies(false, format);
    expect(text).not.toMatch(/NaN|null|undefined|_ratio|rtplat_channels|remote_lost|socket_drops|registered|restarts/);
    expect(text).toContain('rtplat_sip_calls_total{action="tone"} 0\n');
    expect(text).toContain('rtplat_sip_answer_delay_seconds_count 0\n');
    expect(text.endsWith('# EOF\n')).toBe(format === 'openmetrics');
  });

  test('have labels, base units, and the names of the relay behind them', () => {
    const text = sipFamilies(true, 'prometheus');
    for (const line of [
      'rtplat_sip_calls_refused_total{cause="limit"} 1',
      'rtplat_sip_invite_responses_total{code="486"} 1',
      'rtplat_sip_registered{account="sip:600@pbx.example.org"} 1',
      'rtplat_sip_restarts_total{part="media"} 2',
      'rtplat_healthy 0',
      'rtplat_check_ok{check="media"} 0',
      'rtplat_sip_request_delay_seconds_bucket{outcome="answered",le="0.0005"} 0',
      'rtplat_sip_request_delay_seconds_bucket{outcome="answered",le="0.0025"} 1',
      'rtplat_sip_request_delay_seconds_sum{outcome="answered"} 0.001',
      'rtplat_sip_request_delay_seconds_count{outcome="failed"} 0',
      // A histogram of durations holds a thousandth of them.
      'rtplat_sip_session_duration_seconds_sum{outcome="completed"} 1',
      'rtplat_sip_session_duration_seconds_bucket{outcome="completed",le="5"} 1',
      'rtplat_channels_total 3',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    const names = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
    expect(new Set(names.map(([, name]) => name)).size).toBe(names.length);
    for (const [, name = '', type] of names) {
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
    }
  });
});

test('the document is null for what was not measured, and has names with units', () => {
  const document = sipDocument(false);
  expect(document.answer_delay_ms).toBeNull();
  expect(document.signalling.socket_drops).toBeNull();
  expect(document.media).toMatchObject({ lost: null, remote_lost: null, socket_drops: null, jitter_ms: null, sent: 0 });
  const names = (value: unknown): readonly string[] =>
    typeof value !== 'object' || value === null ? [] : [...Object.keys(value), ...Object.values(value).flatMap(names)];
  expect(names(sipDocument(true)).filter((name) => /[A-Z]/.test(name))).toEqual([]);
});

test('an account that has failed is told; one that is asked for the first time has not failed', () => {
  expect(registrationsCheck([])).toEqual([]);
  const rows = [
    { account: 'sip:a@pbx', state: 'registered', problem: null },
    { account: 'sip:b@pbx', state: 'registering', problem: null },
  ];
  expect(registrationsCheck(rows)).toEqual([{ name: 'registrations', ok: true, reason: null, required: false }]);
  const failed = { account: 'sip:c@pbx', state: 'waiting', problem: 'no answer' };
  expect(registrationsCheck([...rows, failed])).toEqual([
    { name: 'registrations', ok: false, reason: 'sip:c@pbx is not registered: no answer', required: false },
  ]);
});
