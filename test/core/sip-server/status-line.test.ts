import { expect, it } from 'vitest';
import { statusLine } from '../../../src/core/sip-server/status-line.ts';

const calls = { active: 12, taken: 1_340, refused: 2 };

it('tells calls and packets', () => {
  expect(statusLine({ calls, media: { received: 50_123, sent: 50_120, lost: 3 }, relay: null })).toEqual({
    text: 'Calls: 12 up, 1,340 taken, 2 refused; RTP: 50,123 in, 50,120 out, 3 lost before us',
    fields: { active_calls: 12, total_calls: 1_340, refused_calls: 2, rtp_received: 50_123, rtp_sent: 50_120, rtp_lost: 3 },
  });
});

it('adds what the relay has measured, and its packets', () => {
  const relay = {
    ...{ total_latencies: 4_696, p50_latency: 0.2834, p99_latency: 1.359, packet_loss_ratio: 0 },
    counters: { from_peer: 4_700, to_peer: 4_696 },
  };
  const { text, fields } = statusLine({ calls, media: { received: 300, sent: 304, lost: 0 }, relay });
  expect(text).toBe(
    'Calls: 12 up, 1,340 taken, 2 refused; RTP: 5,000 in, 5,000 out, 0 lost before us; ' +
      'relayed: 4,696 measured, p50 0.283 ms, p99 1.359 ms, lost 0.000 %',
  );
  expect(fields).toMatchObject({ rtp_received: 5_000, rtp_sent: 5_000, total_latencies: 4_696, p50_latency: 0.2834, packet_loss_ratio: 0 });
});

it('has no number for what nobody knows', () => {
  const relay = {
    ...{ total_latencies: 0, p50_latency: null, p99_latency: null, packet_loss_ratio: null },
    counters: { from_peer: 0, to_peer: 0 },
  };
  const { text, fields } = statusLine({ calls, media: { received: 0, sent: 100, lost: 0 }, relay });
  expect(text).toContain('RTP: 0 in, 100 out, – lost before us; relayed: 0 measured, p50 – ms, p99 – ms, lost –');
  expect(fields).toMatchObject({ rtp_lost: null, p50_latency: null, packet_loss_ratio: null });
});
