/**
 * A state as text: two worlds with the same text go on alike. It is what the program holds, read field by field (see hooks.ts),
 * and what the world has on its way to it. What an async function keeps while it waits cannot be read; what of that matters is
 * in what it has asked for, and for a look at Asterisk in what it asked when.
 */
import { hash } from 'node:crypto';
import { ModelTimer } from './timers.ts';
import type { World } from './world.ts';

/** Nothing follows from these: labels, texts, how often something was counted, and what is read elsewhere. */
const IGNORED: ReadonlySet<string> = new Set([
  ...[
    'log',
    '$log',
    '$portLog',
    'scoped',
    'nowNs',
    'echo',
    'advertise',
    '$bind',
    'startedAt',
    '$endReason',
    '$recent',
    '$endedCounters',
    'media',
    '$media',
  ],
  ...[
    'memory',
    '$pool',
    '$reason',
    '$said',
    '$running',
    '$asterisk',
    'ports',
    'ended',
    'settle',
    'retryAtNs',
    'startedNs',
    '$startedNs',
    '$upNs',
    'setupNs',
  ],
]);

export function keyOf(world: World): string {
  return hash('sha1', textOf(world), 'base64');
}

export function textOf({ asterisk, program, arrived, faults, runs, replaced }: World): string {
  const seen = new Map<object, number>();
  const parts: string[] = [`${arrived} ${faults} ${runs} ${replaced}`];
  const put = (value: unknown): void => {
    if (typeof value === 'function' || value instanceof Promise) parts.push('~');
    else if (value instanceof ModelTimer) parts.push(value.pending ? `T${value.ms}` : 'T');
    else if (value === null || typeof value !== 'object') parts.push(String(value));
    else {
      const index = seen.get(value);
      if (index !== undefined) return void parts.push(`@${index}`);
      seen.set(value, seen.size);
      if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
        parts.push('[');
        for (const item of value as Iterable<unknown>) put(item);
        parts.push(']');
        return;
      }
      parts.push('{');
      for (const [name, member] of Object.entries(value)) if (!IGNORED.has(name)) put(member);
      parts.push('}');
    }
  };
  put(asterisk.channels);
  put(asterisk.bridges);
  put([...asterisk.events].map(([id, waiting]) => `${id} ${waiting.map(({ type }) => type).join(' ')}`).toSorted());
  put(
    asterisk.requests
      .map(({ owner, what, id, stage, answer, known }) => `${owner} ${what} ${id} ${stage} ${JSON.stringify(answer)} ${known}`)
      .toSorted(),
  );
  put(asterisk.registered);
  if (program === undefined) return parts.join(' ');
  put(program.ending);
  put(program.attempt?.stage);
  put(program.strange);
  put(
    program.timers
      .filter(({ pending }) => pending)
      .map(({ ms }) => ms)
      .toSorted((a, b) => a - b),
  );
  put(program.ports.requests.map(({ what, id, port }) => `${what} ${id} ${port}`).toSorted());
  put(program.ports.held);
  put(program.session);
  put(program.fleet);
  put(program.connection);
  return parts.join(' ');
}
