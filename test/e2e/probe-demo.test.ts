import { describe, expect, it } from 'vitest';
import { parseRun } from '../../src/core/report/read-run.ts';
import { Cli, runCli } from './run-cli.ts';

describe('rtplat demo', () => {
  it('shows what callers saw beside what the relay measured, and leaves by itself', async () => {
    const { status, stdout } = await runCli(['demo', '--duration', '1s', '--calls', '3']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^echo\s+127\.0\.0\.1:\d+/m);
    expect(stdout).toMatch(/^relay\s+ports 10\d{3}, 10\d{3}, 10\d{3} of 10000-10100/m);
    expect(stdout).toMatch(/packets sent\s+│\s+150 │\s+150 │/);
    expect(stdout).toMatch(/packets returned\s+│\s+150 │\s+150 │/);
    expect(stdout).toMatch(/latency p50, ms\s+│\s+\d+\.\d{3} │\s+\d+\.\d{3} │/);
  });

  it('has both sides in its run document', async () => {
    const { status, stdout } = await runCli(['demo', '--duration', '500ms', '--calls', '2', '--json']);
    expect(status).toBe(0);
    const run = parseRun(stdout, 'demo');
    expect(run.command).toBe('demo');
    expect(run.summary).toMatchObject({ total_channels: 2, sent: 50, received: 50, lost: 0 });
    expect(run.calls).toHaveLength(2);
    for (const call of run.calls) {
      expect(call).toMatchObject({ total_latencies: 25, packet_loss_ratio: 0 });
      expect(call.counters).toMatchObject({ from_peer: 25, to_peer: 25, sent: 25, returned: 25, rejected_source: 0 });
    }
    // The callers' round trip holds the relay's.
    expect(run.summary.avg_latency).toBeGreaterThan(Math.min(...run.calls.map((call) => call.avg_latency ?? Number.NaN)));
  });

  it('ends in good order on Ctrl-C', async () => {
    const cli = new Cli(['demo', '--duration', '1h']);
    await cli.shows(/^1 s: \d+ packets sent, [1-9]\d* returned, p50 \d/m);
    cli.signal('SIGINT');
    const { status, stdout } = await cli.end();
    expect(status).toBe(0);
    expect(stdout).toContain('Round trips of the same packets');
  });
});
