import { expect, it } from 'vitest';
import { progressOfCalls } from '../../src/commands/probe-call-view.ts';
import { verdictWarnings } from '../../src/commands/probe-verdict-view.ts';
import { verdictSign, verdictText } from '../../src/core/report/call-verdict.ts';
import type { CallVerdictMembers } from '../../src/core/report/call-verdict.ts';
import { callTable } from '../../src/core/report/render/table.ts';

function verdictWith(changes: Partial<CallVerdictMembers>): CallVerdictMembers {
  const none = { since_ms: 0, direction: null, evidence: ['first', 'second'], crossed_with: null };
  return { state: 'fine', ...none, first_ms: 500, changes: [], changes_left_out: 0, ...changes };
}

it('names the state, the other call and the direction', () => {
  const crossed = verdictWith({ state: 'crossed', crossed_with: 7, direction: 'from the far end' });
  expect(verdictText(crossed)).toBe('crossed with call 7, from the far end');
  expect(verdictSign(crossed)).toBe('crossed with 7 ←');
  expect(verdictSign(verdictWith({ state: 'one-way', direction: 'towards the far end' }))).toBe('one-way →');
  expect(verdictSign(verdictWith({ state: 'robotic', direction: 'both ways' }))).toBe('robotic ↔');
  expect(verdictSign(verdictWith({}))).toBe('fine');
});

it('warns of what is known to be amiss, five calls at the most', () => {
  expect(verdictWarnings([{ id: 'call-1' }, { id: 'call-2', verdict: null }, { id: 'call-3', verdict: verdictWith({}) }])).toEqual([]);
  expect(verdictWarnings([{ id: 'call-4', verdict: verdictWith({ state: 'unknown' }) }])).toEqual([]);
  const silent = verdictWith({ state: 'silent', since_ms: 4_250 });
  const lines = verdictWarnings(Array.from({ length: 8 }, (_, i) => ({ id: `call-${i + 1}`, verdict: silent })));
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe('call-1 is silent, since 4.3 s after its answer: first; second');
  expect(lines[5]).toMatch(/^3 more calls are not fine/);
});

it('is a column of the table of calls where there are verdicts, a foreign text escaped', () => {
  expect(callTable([{ id: 'a' }]).columns.map(({ name }) => name)).not.toContain('verdict');
  const table = callTable([{ id: 'a' }, { id: 'b', verdict: verdictWith({ state: '\u001b[2Jx' }) }]);
  expect(table.columns.at(-1)?.name).toBe('verdict');
  expect(table.rows.map((row) => row.at(-1)?.text)).toEqual(['–', expect.stringContaining('\\x1b')]);
  expect(table.note).toContain('→ towards the far end');
});

it('is in the status line while calls are up', () => {
  const counts = { total: 20, placed: 12, up: 8, ended: 4, failed: 0, sent: 100, received: 90 };
  const states = new Map([['fine', 7] as const, ['silent', 1] as const]);
  expect(progressOfCalls({ ...counts, states })).toMatch(/8 up \(7 fine, 1 silent\), 4 ended/);
  expect(progressOfCalls({ ...counts, states: new Map() })).toMatch(/8 up, 4 ended/);
});
