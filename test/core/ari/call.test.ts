import { describe, expect, it, test } from 'vitest';
import { CallMachine } from '../../../src/core/ari/call.ts';
import type { CallAction, CallInput, CallPhase } from '../../../src/core/ari/call.ts';
import { asked, movesOf, newWorld, outstanding, PEER } from './call-world.ts';
import type { Move, World } from './call-world.ts';

/** A machine that has been told `inputs`, and what it asked for. */
function told(...inputs: readonly CallInput[]): { machine: CallMachine; actions: CallAction[] } {
  const machine = new CallMachine();
  return { machine, actions: inputs.flatMap((input, index) => machine.step(input, index * 1e6)) };
}

const START: CallInput = { type: 'start', answered: false };
const PORT: CallInput = { type: 'port-bound', port: 10_000 };
const EXTERNAL: CallInput = { type: 'external-created', peer: PEER };
const STARTED: CallInput = { type: 'external-started' };
const BRIDGE: CallInput = { type: 'bridge-created' };
const JOINED: CallInput = { type: 'joined' };
const ANSWERED: CallInput = { type: 'answered' };

describe('a call as it should be', () => {
  it('gets its port, its external channel, its bridge and its answer, and gives them back', () => {
    const { machine, actions } = told(START, PORT, EXTERNAL, STARTED, BRIDGE, JOINED, ANSWERED);
    expect(actions).toEqual([
      { do: 'allocate-port' },
      { do: 'create-external', port: 10_000 },
      { do: 'create-bridge' },
      { do: 'pin', peer: PEER },
      { do: 'join' },
      { do: 'answer' },
      { do: 'created' },
    ]);
    expect(machine).toMatchObject({ phase: 'up', setupNs: 6e6, endReason: undefined });
    expect(machine.step({ type: 'caller-gone', reason: 'caller hung up' }, 0)).toEqual([
      { do: 'hang-up-external' },
      { do: 'destroy-bridge' },
      { do: 'release-port' },
    ]);
    expect(machine.step({ type: 'cleaned', resource: 'external' }, 0)).toEqual([]);
    expect(machine.step({ type: 'cleaned', resource: 'port' }, 0)).toEqual([]);
    expect(machine.step({ type: 'cleaned', resource: 'bridge' }, 0)).toEqual([{ do: 'ended' }]);
    expect(machine).toMatchObject({ phase: 'ended', endReason: 'caller hung up' });
  });

  it('is joined as well when the StasisStart of the external channel overtakes its creation', () => {
    expect(told(START, PORT, STARTED, BRIDGE, EXTERNAL).actions.at(-1)).toEqual({ do: 'join' });
    expect(told(START, PORT, BRIDGE, STARTED, EXTERNAL).actions.at(-1)).toEqual({ do: 'join' });
  });

  it('is not answered again when the dialplan has answered', () => {
    const { machine, actions } = told({ type: 'start', answered: true }, PORT, EXTERNAL, STARTED, BRIDGE, JOINED);
    expect(actions.at(-1)).toEqual({ do: 'created' });
    expect(machine.phase).toBe('up');
  });
});

describe('a call that cannot be', () => {
  it('is refused with congestion when there is no port', () => {
    const { machine, actions } = told(START, { type: 'port-failed', message: 'no ports available' });
    expect(actions.slice(1)).toEqual([
      { do: 'refused', message: 'failed to get RTP port: no ports available' },
      { do: 'hang-up-caller', reason: 'congestion' },
    ]);
    expect(machine.step({ type: 'cleaned', resource: 'caller' }, 0)).toEqual([{ do: 'ended' }]);
  });

  it('undoes a request that may have been carried out although it failed', () => {
    const failed: CallInput = { type: 'step-failed', step: 'external', message: 'time-out' };
    expect(told(START, PORT, BRIDGE, failed).actions.slice(3)).toEqual([
      { do: 'refused', message: 'cannot create the external media channel: time-out' },
      { do: 'hang-up-caller', reason: 'congestion' },
      { do: 'hang-up-external' },
      { do: 'destroy-bridge' },
      { do: 'release-port' },
    ]);
  });

  it('undoes a request whose answer is still out when the answer comes', () => {
    const { machine } = told(START, PORT, { type: 'caller-gone', reason: 'cancelled' });
    expect(machine.step(EXTERNAL, 0)).toEqual([{ do: 'hang-up-external' }]);
    expect(machine.step(BRIDGE, 0)).toEqual([{ do: 'destroy-bridge' }]);
  });

  it('ends when its external channel or its bridge breaks away: nobody is left in dead air', () => {
    for (const lost of [
      { type: 'external-gone', reason: 'hung up by Asterisk' },
      { type: 'bridge-gone', reason: 'destroyed' },
    ] as const) {
      const { machine } = told(START, PORT, EXTERNAL, STARTED, BRIDGE, JOINED, ANSWERED);
      expect(machine.step(lost, 0)[0]).toEqual({ do: 'hang-up-caller', reason: 'normal' });
      expect(machine.endReason).toContain(lost.reason);
    }
  });

  it.each([
    [[START, PORT, EXTERNAL, BRIDGE], 'set-up timed out'],
    [
      [START, PORT, BRIDGE, { type: 'external-created', peer: undefined }],
      'Asterisk did not say where it sends from (UNICASTRTP_LOCAL_ADDRESS)',
    ],
    [
      [START, PORT, EXTERNAL, STARTED, BRIDGE, { type: 'step-failed', step: 'join', message: 'x' }],
      'cannot put both channels into the bridge: x',
    ],
    [[START, PORT, EXTERNAL, STARTED, BRIDGE, JOINED, { type: 'step-failed', step: 'answer', message: 'x' }], 'cannot answer: x'],
  ] as [CallInput[], string][])('says why: case %#', (inputs, message) => {
    const { actions } = told(...inputs, { type: 'setup-timeout' });
    expect(actions).toContainEqual({ do: 'refused', message });
    expect(actions).toContainEqual({ do: 'hang-up-caller', reason: 'congestion' });
  });
});

/** A state of the search; the machine is made again from the inputs that lead there. */
interface Node {
  readonly world: World;
  readonly phase: CallPhase;
  readonly from: Node | undefined;
  readonly name: string;
  readonly input: CallInput | undefined;
}

/**
 * What the machine knows follows from what it was told, in which order as far as it matters, and from what it asked for: two
 * states with the same key behave alike.
 */
function keyOf({ world, phase }: Node): string {
  const { external, bridge, actions, cleaned, ...rest } = world;
  const parts = [rest, external, bridge].map((part) => Object.values(part).join(' '));
  return [phase, ...parts, ...actions.toSorted(), ...cleaned.toSorted()].join(' ');
}

function machineAt(node: Node): CallMachine {
  const inputs: CallInput[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.from) if (at.input !== undefined) inputs.push(at.input);
  const machine = new CallMachine();
  for (const input of inputs.toReversed()) machine.step(input, 0);
  return machine;
}

function pathOf(node: Node): string {
  const names: string[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.from) names.unshift(at.name);
  return names.join(' → ');
}

/** What must hold of one step, whatever came before it. @returns what does not. */
function faultOfStep(before: World, input: CallInput, actions: readonly CallAction[]): string | undefined {
  for (const action of actions) {
    // Once more, when it turns out to be there after its take-down found nothing.
    const again = action.do === 'hang-up-external' && input.type === 'external-started';
    if (action.do !== 'refused' && !again && before.actions.includes(action.do)) return `${action.do} was asked for twice`;
    if (action.do === 'join' && !before.externalStartedTold && input.type !== 'external-started')
      return 'joined before the StasisStart of the external channel';
    if (action.do === 'answer' && input.type !== 'joined') return 'answered before both are in the bridge';
    if (action.do === 'hang-up-caller') {
      const wanted = before.answered ? 'normal' : 'congestion';
      // A call that is up, or was answered by the dialplan, is hung up; one that is not is refused.
      if (action.reason !== wanted && !(before.answered && input.type === 'shutdown'))
        return `hung up with ${action.reason}, not ${wanted}`;
      if (before.callerGoneTold > 0) return 'hung up a caller that was known to be gone';
    }
    if (action.do === 'release-port' && before.port !== 'bound' && input.type !== 'port-bound')
      return 'released a port that was never bound';
  }
  return undefined;
}

function faultOfState({ world, phase }: Node): string | undefined {
  const asks = (action: CallAction['do']): boolean => world.actions.includes(action);
  if (phase === 'up' && !(asks('created') && world.answered)) return 'up without an answer';
  if (phase === 'ending' && outstanding(world).length === 0) return 'ending, and waiting for nothing';
  if (phase !== 'ended') return asks('ended') ? 'said ended while it was not' : undefined;
  if (!asks('ended')) return 'ended without a word';
  if (outstanding(world).some((request) => request !== 'take-down')) return 'ended while a request was out that may yet make something';
  if (world.port === 'bound' && !(asks('release-port') && world.cleaned.includes('port'))) return 'a port leaked';
  if (world.callerPresent && !asks('hang-up-caller')) return 'the caller was left';
  for (const [name, takeDown] of [
    ['external', 'hang-up-external'],
    ['bridge', 'destroy-bridge'],
  ] as const) {
    const part = world[name];
    if (part.made !== 'no' && !part.goneForSure && !asks(takeDown)) return `${name} was left`;
  }
  return undefined;
}

/** The machine is told what the move tells it. @throws Error when it answers what it must not. */
function stepped(node: Node, move: Move, input: CallInput): Node {
  const machine = machineAt(node);
  const actions = machine.step(input, 0);
  const after: Node = { world: asked(move.world, actions), phase: machine.phase, from: node, name: move.name, input };
  const revived = node.phase === 'ending' && after.phase !== 'ending' && after.phase !== 'ended';
  const fault = revived ? `a call that was ending is ${after.phase} again` : faultOfStep(node.world, input, actions);
  if (fault !== undefined) throw new Error(`${fault}: ${pathOf(after)}`);
  return after;
}

const EVERY_INPUT: readonly CallInput[] = [
  START,
  PORT,
  EXTERNAL,
  STARTED,
  BRIDGE,
  JOINED,
  ANSWERED,
  { type: 'port-failed', message: '' },
  { type: 'caller-gone', reason: '' },
  { type: 'external-gone', reason: '' },
  { type: 'bridge-gone', reason: '' },
  { type: 'setup-timeout' },
  { type: 'shutdown' },
  { type: 'step-failed', step: 'external', message: '' },
  { type: 'cleaned', resource: 'port' },
];

describe('every order of answers, failures, time-outs and hang-ups', () => {
  test.each([
    [false, 100_000],
    [true, 100_000],
  ])('holds what must hold (answered by the dialplan: %s), in more than %i states', (answered, states) => {
    const input: CallInput = { type: 'start', answered };
    const root: Node = {
      world: asked(newWorld(answered), new CallMachine().step(input, 0)),
      phase: 'allocating',
      from: undefined,
      name: 'start',
      input,
    };
    const seen = new Set([keyOf(root)]);
    const phases = new Set<CallPhase>();
    let frontier = [root];
    while (frontier.length > 0) {
      const next: Node[] = [];
      for (const node of frontier) {
        phases.add(node.phase);
        const fault = faultOfState(node);
        if (fault !== undefined) throw new Error(`${fault}: ${pathOf(node)}`);
        if (node.phase === 'ended') {
          const machine = machineAt(node);
          for (const late of EVERY_INPUT)
            if (machine.step(late, 0).length > 0) throw new Error(`${late.type} after the end: ${pathOf(node)}`);
          continue;
        }
        const moves = movesOf(node.world);
        if (moves.length === 0) throw new Error(`stuck: ${pathOf(node)}`);
        for (const move of moves) {
          const after = move.input === undefined ? { ...node, ...move, from: node, input: undefined } : stepped(node, move, move.input);
          const key = keyOf(after);
          if (seen.has(key)) continue;
          seen.add(key);
          next.push(after);
        }
      }
      frontier = next;
    }
    expect([...phases].toSorted()).toEqual(
      ['allocating', 'answering', 'creating', 'ended', 'ending', 'joining', 'up'].filter((phase) => !answered || phase !== 'answering'),
    );
    expect(seen.size).toBeGreaterThan(states);
  });
});
