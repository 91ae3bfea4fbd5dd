/**
 * An Asterisk, callers, and the runs of a service one after the other: what may happen next, and what then is. A move is what the
 * world does; the program then goes on until it waits for the world again.
 */
import { externalPrefix } from '../../src/core/ari/ids.ts';
import { ModelAsterisk } from './asterisk.ts';
import type { Request } from './asterisk.ts';
import { Program } from './program.ts';
import { collectTimers } from './timers.ts';
import type { ModelTimer } from './timers.ts';

export interface Scenario {
  readonly name: string;
  readonly callers: number;
  /** How many of them are in a call from the beginning. */
  readonly up?: number;
  readonly ports: number;
  /** How many moves that should not be there may be made. */
  readonly faults: number;
  /** Which of them; all when undefined. */
  readonly only?: readonly FaultKind[];
}

/** What can go wrong. */
export const FAULT_KINDS = [
  ...(['double', 'lose', 'refuse', 'timeout', 'hang up external', 'destroy bridge', 'bind', 'close', 'set-up limit', 'look'] as const),
  ...(['disconnect', 'connect', 'replaced', 'asterisk dies', 'SIGKILL', 'SIGTERM'] as const),
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Move {
  readonly name: string;
  /** Of a move that should not be there. */
  readonly fault?: FaultKind;
  /** What a caller does. */
  readonly callers?: true;
  readonly make: () => void;
}

export const SETUP_LIMIT_MS = 10_000;
export const LOOKS_MS: ReadonlySet<number> = new Set([1_000, 30_000]);

export class World {
  readonly scenario: Scenario;
  readonly asterisk: ModelAsterisk = new ModelAsterisk();
  program: Program | undefined;
  runs = 0;
  arrived = 0;
  faults = 0;
  /** The application is another program's: nothing in Asterisk is ours any more. */
  replaced = false;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  start(): void {
    this.runs += 1;
    this.program = new Program(this.runs, this.asterisk, this.scenario.ports);
    this.program.start();
  }

  /** The program is gone; the kernel closes its sockets, and what it has asked for may still be carried out. */
  kill(): void {
    const { program, asterisk } = this;
    if (program === undefined) return;
    asterisk.unregister();
    asterisk.requests = asterisk.requests.filter(({ owner, stage }) => owner !== program.number || stage !== 'carried');
    for (const request of asterisk.requests) if (request.owner === program.number) request.stage = 'orphaned';
    collectTimers(undefined);
    this.program = undefined;
  }

  /** Everything that may happen next, in the same order for the same state. */
  moves(): Move[] {
    const left = this.faults < this.scenario.faults;
    const { only } = this.scenario;
    return [
      ...this.#events(),
      ...this.#requests(),
      ...this.#ofPorts(),
      ...this.#ofProgram(),
      ...this.#ofCallers(),
      ...this.#accidents(),
    ].filter(({ fault }) => fault === undefined || (left && (only === undefined || only.includes(fault))));
  }

  make(move: Move): void {
    if (move.fault !== undefined) this.faults += 1;
    move.make();
  }

  *#events(): Generator<Move> {
    const { asterisk, program } = this;
    if (program === undefined) return;
    for (const [id, waiting] of asterisk.events) {
      const event = waiting[0];
      if (event === undefined) continue;
      const take = (): void => {
        waiting.shift();
        if (waiting.length === 0) asterisk.events.delete(id);
      };
      const what = `${event.type} ${id}`;
      yield {
        name: `tell ${what}`,
        make: () => {
          take();
          program.session.event(event);
        },
      };
      yield { name: `tell ${what}, and again`, fault: 'double', make: () => program.session.event(event) };
      yield { name: `lose ${what}`, fault: 'lose', make: take };
    }
  }

  *#requests(): Generator<Move> {
    const { asterisk } = this;
    for (const request of asterisk.requests) {
      const what = nameOf(request);
      if (request.stage === 'carried') {
        const answer = (): void => {
          if (request.what === 'listChannels') this.program?.listed([...asterisk.channels.keys()]);
          asterisk.answer(request);
        };
        yield { name: `answer ${what}`, make: answer };
        yield { name: `the answer to ${what} is lost`, fault: 'timeout', make: () => asterisk.fail(request, 'timeout') };
        continue;
      }
      yield { name: `carry out ${what}`, make: () => asterisk.carryOut(request) };
      if (request.stage === 'orphaned') yield { name: `${what} never arrives`, make: () => asterisk.drop(request) };
      else {
        yield { name: `refuse ${what}`, fault: 'refuse', make: () => asterisk.fail(request, 'refused') };
        yield { name: `no answer to ${what}`, fault: 'timeout', make: () => asterisk.fail(request, 'timeout') };
      }
    }
  }

  *#ofPorts(): Generator<Move> {
    for (const { what, port, settle } of this.program?.ports.requests ?? []) {
      yield { name: `${what} port ${port}`, make: () => settle('done') };
      if (what === 'close') yield { name: `port ${port} cannot be closed`, fault: 'close', make: () => settle('fails') };
      else {
        yield { name: `port ${port} is another's`, fault: 'bind', make: () => settle('in-use') };
        yield { name: `port ${port} cannot be bound`, fault: 'bind', make: () => settle('fails') };
      }
    }
  }

  *#ofProgram(): Generator<Move> {
    const { program } = this;
    if (program === undefined) {
      yield { name: 'start', make: () => this.start() };
      return;
    }
    if (program.ending === 'done') yield { name: 'the program has ended', make: () => this.kill() };
    else {
      yield { name: 'SIGKILL', fault: 'SIGKILL', make: () => this.kill() };
      if (program.ending === 'no') yield { name: 'SIGTERM', fault: 'SIGTERM', make: () => program.end() };
    }
    for (const timer of program.timers) if (timer.pending) yield timerMove(timer);
    const { attempt } = program;
    if (attempt === undefined) return;
    const end = (): void => program.disconnected({ why: 'lost', message: 'the event connection was closed' });
    if (attempt.stage === 'open') {
      yield { name: 'the connection is lost', fault: 'disconnect', make: end };
      yield {
        name: 'another program takes the application',
        fault: 'replaced',
        make: () => {
          this.replaced = true;
          program.disconnected({ why: 'replaced', message: 'taken over' });
        },
      };
      return;
    }
    if (attempt.stage === 'asked') yield { name: 'register', make: () => program.register() };
    else yield { name: 'connected', make: () => program.connected() };
    yield { name: 'no connection', fault: 'connect', make: end };
  }

  *#ofCallers(): Generator<Move> {
    const { asterisk, scenario } = this;
    if (this.arrived < scenario.callers && asterisk.registered) {
      yield {
        name: `caller ${this.arrived + 1} comes`,
        callers: true,
        make: () => {
          this.arrived += 1;
          asterisk.arrive(callerId(this.arrived));
        },
      };
    }
    for (const { id, caller } of asterisk.channels.values()) {
      if (caller) yield { name: `${id} hangs up`, callers: true, make: () => asterisk.end(id) };
    }
  }

  *#accidents(): Generator<Move> {
    const { asterisk } = this;
    for (const { id, caller } of asterisk.channels.values()) {
      if (!caller) yield { name: `${id} is hung up`, fault: 'hang up external', make: () => asterisk.end(id) };
    }
    for (const id of asterisk.bridges.keys())
      yield { name: `${id} is destroyed`, fault: 'destroy bridge', make: () => asterisk.endBridge(id) };
    if (asterisk.registered) {
      yield {
        name: 'Asterisk is killed',
        fault: 'asterisk dies',
        make: () => {
          asterisk.die();
          this.program?.disconnected({ why: 'lost', message: 'the event connection was closed' });
          for (const request of asterisk.requests) {
            asterisk.drop(request);
            if (request.stage !== 'orphaned') asterisk.fail(request, 'lost');
          }
          asterisk.requests = asterisk.requests.filter(({ stage }) => stage !== 'orphaned');
        },
      };
    }
  }
}

function timerMove(timer: ModelTimer): Move {
  const make = (): void => {
    timer.pending = false;
    timer.due();
  };
  if (timer.ms === SETUP_LIMIT_MS) return { name: 'the set-up takes too long', fault: 'set-up limit', make };
  if (LOOKS_MS.has(timer.ms)) return { name: `look again after ${timer.ms / 1000} s`, fault: 'look', make };
  return { name: 'try to connect', make };
}

export function callerId(number: number): string {
  return `caller.${number}`;
}

/** Whether a channel is one that the service made. */
export function isOurs(id: string): boolean {
  return id.startsWith(externalPrefix('a'));
}

function nameOf({ what, id, owner }: Request): string {
  return id === '' ? `${what} of run ${owner}` : `${what} ${id}`;
}
