/**
 * A small Asterisk, and the service's own port, around one call: what may happen next in every state, in any order. Requests may
 * succeed, fail without effect, or fail although they were carried out; events may overtake answers, be lost, and the end of a channel comes twice; each
 * part may die by itself.
 */
import type { CallAction, CallInput } from '../../../src/core/ari/call.ts';

/** `done` is carried out but not answered yet. */
type Request = 'no' | 'asked' | 'done' | 'ok' | 'failed';

interface Part {
  readonly made: Request;
  readonly present: boolean;
  /** How often its end was told. */
  readonly goneTold: number;
  /** Whether its end was told after its making was answered: until then the machine must not rely on it. */
  readonly goneForSure: boolean;
}

export interface World {
  readonly callerPresent: boolean;
  readonly callerGoneTold: number;
  readonly answered: boolean;
  readonly port: 'no' | 'asked' | 'bound' | 'failed';
  readonly external: Part;
  readonly externalStartedTold: boolean;
  readonly bridge: Part;
  readonly join: Request;
  readonly answer: Request;
  readonly timedOut: boolean;
  readonly shutDown: boolean;
  /** Everything that the machine asked for. */
  readonly actions: readonly CallAction['do'][];
  readonly cleaned: readonly string[];
}

export interface Move {
  readonly name: string;
  readonly world: World;
  /** What the machine is told, if anything. */
  readonly input?: CallInput;
}

const NO_PART: Part = { made: 'no', present: false, goneTold: 0, goneForSure: false };
export const PEER = { address: '192.0.2.1', port: 12_000 };
/** A channel ends with StasisEnd and ChannelDestroyed, a bridge with one event. */
const GONE_EVENTS = { caller: 2, external: 2, bridge: 1 } as const;

export function newWorld(answered: boolean): World {
  return {
    callerPresent: true,
    callerGoneTold: 0,
    answered,
    port: 'no',
    external: NO_PART,
    externalStartedTold: false,
    bridge: NO_PART,
    join: 'no',
    answer: 'no',
    timedOut: false,
    shutDown: false,
    actions: [],
    cleaned: [],
  };
}

/** The world after the machine has asked for `actions`. */
export function asked(world: World, actions: readonly CallAction[]): World {
  let next: World = { ...world, actions: [...world.actions, ...actions.map((action) => action.do)] };
  for (const action of actions) {
    if (action.do === 'allocate-port') next = { ...next, port: 'asked' };
    else if (action.do === 'create-external') next = { ...next, external: { ...next.external, made: 'asked' } };
    else if (action.do === 'create-bridge') next = { ...next, bridge: { ...next.bridge, made: 'asked' } };
    else if (action.do === 'join') next = { ...next, join: 'asked' };
    else if (action.do === 'hang-up-external') next = { ...next, cleaned: next.cleaned.filter((resource) => resource !== 'external') };
    else if (action.do === 'answer') next = { ...next, answer: 'asked' };
  }
  return next;
}

/** What the machine may wait for once it takes down: answers that are still out. */
export function outstanding(world: World): string[] {
  const takesDown = TAKE_DOWNS.some(([action, resource]) => world.actions.includes(action) && !world.cleaned.includes(resource));
  const out = takesDown ? ['take-down'] : [];
  if (world.port === 'asked') out.push('port');
  for (const name of ['external', 'bridge'] as const) if (isOut(world[name].made)) out.push(name);
  return out;
}

const TAKE_DOWNS = [
  ['hang-up-caller', 'caller'],
  ['hang-up-external', 'external'],
  ['destroy-bridge', 'bridge'],
  ['release-port', 'port'],
] as const satisfies readonly (readonly [CallAction['do'], string])[];

function isOut(request: Request): boolean {
  return request === 'asked' || request === 'done';
}

export function movesOf(world: World): Move[] {
  return [
    ...portMoves(world),
    ...callerMoves(world),
    ...partMoves(world, 'external'),
    ...partMoves(world, 'bridge'),
    ...mediaMoves(world),
    ...takeDownMoves(world),
  ];
}

function portMoves(world: World): Move[] {
  if (world.port !== 'asked') return [];
  return [
    { name: 'port bound', world: { ...world, port: 'bound' }, input: { type: 'port-bound', port: 10_000 } },
    { name: 'no port', world: { ...world, port: 'failed' }, input: { type: 'port-failed', message: 'no ports available' } },
  ];
}

function callerMoves(world: World): Move[] {
  const moves: Move[] = [];
  if (world.callerPresent) moves.push({ name: 'caller hangs up', world: { ...world, callerPresent: false } });
  else if (world.callerGoneTold < GONE_EVENTS.caller) {
    moves.push({
      name: 'caller gone',
      world: { ...world, callerGoneTold: world.callerGoneTold + 1 },
      input: { type: 'caller-gone', reason: 'hung up' },
    });
  }
  if (!world.timedOut) moves.push({ name: 'time-out', world: { ...world, timedOut: true }, input: { type: 'setup-timeout' } });
  if (!world.shutDown) moves.push({ name: 'shutdown', world: { ...world, shutDown: true }, input: { type: 'shutdown' } });
  return moves;
}

function partMoves(world: World, name: 'external' | 'bridge'): Move[] {
  const part = world[name];
  const moves: Move[] = [];
  const put = (what: string, change: Partial<Part>, input?: CallInput): void => {
    moves.push({ name: `${name} ${what}`, world: { ...world, [name]: { ...part, ...change } }, ...(input === undefined ? {} : { input }) });
  };
  if (part.made === 'asked') put('is made', { made: 'done', present: true });
  if (part.made === 'done') {
    put('answered', { made: 'ok' }, name === 'bridge' ? { type: 'bridge-created' } : { type: 'external-created', peer: PEER });
    if (name === 'external') put('answered without an address', { made: 'ok' }, { type: 'external-created', peer: undefined });
  }
  if (isOut(part.made)) put('failed', { made: 'failed' }, { type: 'step-failed', step: name, message: 'time-out' });
  if (part.present) put('dies', { present: false });
  const wasThere = part.made === 'done' || part.made === 'ok' || part.made === 'failed';
  if (wasThere && !part.present && part.goneTold < GONE_EVENTS[name]) {
    const told = { goneTold: part.goneTold + 1, goneForSure: part.goneForSure || !isOut(part.made) };
    put('gone', told, name === 'bridge' ? { type: 'bridge-gone', reason: 'destroyed' } : { type: 'external-gone', reason: 'hung up' });
  }
  return moves;
}

function mediaMoves(world: World): Move[] {
  const moves: Move[] = [];
  const { made } = world.external;
  if ((made === 'done' || made === 'ok' || made === 'failed') && !world.externalStartedTold) {
    moves.push({
      name: 'external started',
      world: { ...world, externalStartedTold: true },
      input: { type: 'external-started' },
    });
  }
  if (world.join === 'asked') {
    if (world.callerPresent && world.external.present && world.bridge.present)
      moves.push({ name: 'joined', world: { ...world, join: 'ok' }, input: { type: 'joined' } });
    moves.push({
      name: 'join failed',
      world: { ...world, join: 'failed' },
      input: { type: 'step-failed', step: 'join', message: 'not found' },
    });
  }
  if (world.answer === 'asked') {
    if (world.callerPresent)
      moves.push({ name: 'answered', world: { ...world, answer: 'ok', answered: true }, input: { type: 'answered' } });
    moves.push({
      name: 'answer failed',
      world: { ...world, answer: 'failed' },
      input: { type: 'step-failed', step: 'answer', message: 'not found' },
    });
  }
  return moves;
}

/** A take-down is carried out, or cannot be and is left to reconciliation; the machine is told the same. */
function takeDownMoves(world: World): Move[] {
  const moves: Move[] = [];
  for (const [action, resource] of TAKE_DOWNS) {
    if (!world.actions.includes(action) || world.cleaned.includes(resource)) continue;
    const after: World = { ...world, cleaned: [...world.cleaned, resource] };
    const input: CallInput = { type: 'cleaned', resource };
    moves.push({ name: `${action} given up`, world: after, input });
    if (resource === 'caller') moves.push({ name: `${action} done`, world: { ...after, callerPresent: false }, input });
    else if (resource !== 'port')
      moves.push({ name: `${action} done`, world: { ...after, [resource]: { ...world[resource], present: false } }, input });
  }
  return moves;
}
