import { Chalk } from 'chalk';
import { describe, expect, it } from 'vitest';
import { clockText, progressLine } from '../../src/commands/probe-view.ts';
import { pairTable } from '../../src/commands/table.ts';

const plain = new Chalk({ level: 0 });
const progress = { elapsedNs: 1e9, sent: 50, total: 500, received: 48, lost: 1, p50Ns: 250_000, p99Ns: null };

describe('progress of a probe', () => {
  it('has the percentiles where they fit', () => {
    expect(progressLine(progress, 100)).toBe('10 %  sent 50  received 48  lost 1  p50 0.25 ms  p99 –');
    expect(progressLine(progress, 60)).toBe('10 %  sent 50  received 48  lost 1');
  });
});

describe('the clock of a probe', () => {
  const summary = { clock: 'kernel', received: 500, engine: 'batch' } as const;

  it('is named with the engine, and the reason for it', () => {
    expect(clockText({ ...summary, unstamped: 0, engine_reason: 'asked for' })).toBe('kernel, batch engine (asked for)');
    expect(clockText({ ...summary, clock: 'user', unstamped: null, engine: 'portable', engine_reason: 'no batch engine: …' })).toBe(
      'user, portable engine (no batch engine: …)',
    );
  });

  it('is not said to have stamped what it has not', () => {
    expect(clockText({ ...summary, unstamped: 12 })).toBe('kernel (12 of 500 packets by user clock), batch engine');
  });
});

describe('tables of names and values', () => {
  const pairs = [
    ['sent', '500'],
    ['lost', '\u001B[31m1\u001B[39m'],
  ] as const;

  it('have a frame where there is room', () => {
    const shown = pairTable('probe', pairs, plain, 80);
    expect(shown.split('\n')[0]).toBe('probe');
    expect(shown).toContain('│ sent │ 500 │');
    expect(shown.endsWith('┘\n')).toBe(true);
  });

  it('are a plain list below 60 columns', () => {
    expect(pairTable('probe', pairs, plain, 59)).toBe('probe\nsent: 500\nlost: \u001B[31m1\u001B[39m\n');
  });

  it('are a list too where the frame would be wider than the terminal, colours not counted', () => {
    const wide = [['name', 'x'.repeat(70)]] as const;
    expect(pairTable('probe', wide, plain, 80)).toBe(`probe\nname: ${'x'.repeat(70)}\n`);
    expect(pairTable('probe', wide, plain, 81)).toContain('│');
    const coloured = [['name', `\u001B[31m${'x'.repeat(60)}\u001B[39m`]] as const;
    expect(pairTable('probe', coloured, plain, 72)).toContain('│');
  });
});
