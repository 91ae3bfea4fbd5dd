/** What must hold in every state, and what must be once everything has been carried out. */
import { callsOf, indexSizes, spareMemory } from './inside.ts';
import type { Program } from './program.ts';
import { settled } from './timers.ts';
import { Violation } from './violation.ts';
import { isOurs, LOOKS_MS, SETUP_LIMIT_MS } from './world.ts';
import type { Move, World } from './world.ts';

/** @returns what does not hold. */
export function faultOf({ program }: World): string | undefined {
  if (Violation.found.length > 0) return Violation.found.join('; ');
  if (program === undefined) return undefined;
  return faultOfPorts(program) ?? faultOfCounts(program);
}

/** Every port is free, or exactly one call's, or on its way from or to one. */
function faultOfPorts({ ports, fleet, session, ending, timers }: Program): string | undefined {
  const { total, free, bound, draining, foreign } = fleet.ports();
  const sum = free + bound + draining + foreign;
  if (sum !== total) return `${free} free, ${bound} bound, ${draining} draining and ${foreign} foreign ports are ${sum}, not ${total}`;
  if (ports.held.size !== bound + draining) return `${ports.held.size} ports are held, ${bound} bound and ${draining} draining`;
  const owners = callsOf(session).flatMap(({ relay }) => (relay.port === undefined ? [] : [relay.port]));
  if (new Set(owners).size !== owners.length) return `two calls have one port: ${owners.join(', ')}`;
  const moving = new Set(ports.requests.map(({ port }) => port));
  for (const port of ports.held.keys()) {
    if (owners.includes(port) === moving.has(port)) return `port ${port} is ${owners.includes(port) ? 'moving and owned' : "nobody's"}`;
  }
  // A port that is bound while the service ends is closed before its call has had it.
  const live = new Set(callsOf(session).map(({ relay }) => relay.record.port));
  const early = ports.requests.find(({ what, port }) => what === 'close' && !live.has(port) && !live.has(null));
  if (early !== undefined) return `the call on port ${early.port} is over, and its port is still being closed`;
  for (const port of owners) if (!ports.held.has(port)) return `a call has port ${port}, which is not bound`;
  const spare = spareMemory(fleet);
  if (new Set(spare).size !== spare.length) return 'the memory of one call is to be had twice';
  const limits = timers.filter(({ ms, pending }) => pending && ms === SETUP_LIMIT_MS).length;
  if (limits > session.activeCalls) return `the set-up of ${limits} calls is timed, of ${session.activeCalls}`;
  if (ending === 'done' && free + foreign !== total) return `ended with ${bound + draining} ports out`;
  return undefined;
}

function faultOfCounts({ fleet, session }: Program): string | undefined {
  const { register } = fleet;
  const { taken, refused, failed } = register.totals();
  const calls = fleet.calls();
  const ended = calls.filter((call) => call.ended_at !== null);
  const sizes = indexSizes(session);
  if (new Set(sizes).size !== 1) return `the indexes of the calls hold ${sizes.join(', ')}`;
  if (calls.length - ended.length !== sizes[0])
    return `${calls.length - ended.length} calls are on the register, ${sizes[0]} in the session`;
  const withPort = calls.filter((call) => call.port !== null).length;
  if (withPort !== taken) return `${withPort} calls have had a port, and ${taken} are counted`;
  const active = calls.filter((call) => call.port !== null && call.ended_at === null).length;
  if (active !== register.active) return `${active} calls have a port, and ${register.active} are counted`;
  if (register.active > register.peak) return `${register.active} calls are up, and ${register.peak} were at most`;
  const completed = ended.filter((call) => call.setup_ms !== null).length;
  if (completed + refused + failed !== ended.length) return `${completed} + ${refused} + ${failed} calls have ended, not ${ended.length}`;
  const without = ended.find(({ end_reason: reason }) => reason === null || reason === '' || reason === 'ended');
  if (without !== undefined) return `${without.id} ended without a reason`;
  return undefined;
}

/** More than any state needs to come to rest. */
const MOST_MOVES = 2_000;
const QUIET_LOOKS = 3;

/**
 * From here on nothing goes wrong any more: everything that is on its way arrives, the program is started when it is not there, and
 * callers stay; then they hang up.
 *
 * @param made is told every move.
 * @returns what is left that must not be, or is not there and must be.
 */
export async function faultAtRest(world: World, made: (name: string) => void): Promise<string | undefined> {
  const stay = await rest(world, made, isOnItsWay);
  const fault = stay ?? faultWhileUp(world);
  if (fault !== undefined) return fault;
  return (await rest(world, made, ({ fault, name }) => fault === undefined && !name.endsWith(' comes'))) ?? faultAtEnd(world);
}

/** Whether a move is neither a fault nor something that a caller does. */
export function isOnItsWay({ fault, callers }: Move): boolean {
  return fault === undefined && callers !== true;
}

async function rest(world: World, made: (name: string) => void, may: (move: Move) => boolean): Promise<string | undefined> {
  let looks = 0;
  for (let count = 0; count < MOST_MOVES; count++) {
    const move = world.moves().find(may);
    if (move !== undefined) {
      made(move.name);
      move.make();
    } else {
      const { program } = world;
      const timers = program?.timers.filter(({ pending }) => pending) ?? [];
      const timer = timers.find(({ ms }) => ms === SETUP_LIMIT_MS) ?? timers.find(({ ms }) => LOOKS_MS.has(ms));
      if (program === undefined || timer === undefined || looks === QUIET_LOOKS) return undefined;
      if (LOOKS_MS.has(timer.ms)) looks += 1;
      program.nowNs += timer.ms * 1e6;
      made(`${timer.ms / 1000} s pass`);
      timer.pending = false;
      timer.due();
    }
    await settled();
    const fault = faultOf(world);
    if (fault !== undefined) return fault;
  }
  return `it does not come to rest within ${MOST_MOVES} moves`;
}

/** Nothing is on its way, and the callers that are there are in calls. */
function faultWhileUp({ asterisk, program, replaced }: World): string | undefined {
  if (program === undefined || program.ending === 'done') return 'the program is not there';
  if (replaced) return faultOfFree(program);
  const calls = callsOf(program.session);
  for (const { callerId, ids, machine } of calls) {
    if (machine.phase !== 'up') return `${callerId} is still ${machine.phase}`;
    if (!asterisk.channels.has(callerId)) return `${callerId} is up, and gone`;
    const bridge = asterisk.bridges.get(ids.bridgeId);
    if (bridge?.has(callerId) !== true || !bridge.has(ids.externalId)) return `${callerId} is up, and hears nothing`;
  }
  for (const { id, caller } of asterisk.channels.values()) {
    if (caller && !calls.some(({ callerId }) => callerId === id)) return `${id} sits in the application, and in no call`;
    if (isOurs(id) && !calls.some(({ ids }) => ids.externalId === id)) return `${id} is left`;
  }
  for (const id of asterisk.bridges.keys()) if (!calls.some(({ ids }) => ids.bridgeId === id)) return `${id} is left`;
  if (program.ports.held.size !== calls.length) return `${program.ports.held.size} ports are held for ${calls.length} calls`;
  return undefined;
}

/** Nothing of any call is left. */
function faultAtEnd({ asterisk, program, replaced }: World): string | undefined {
  if (program === undefined) return 'the program is not there';
  const fault = faultOfFree(program);
  if (fault !== undefined || replaced) return fault;
  const left = [...asterisk.channels.keys(), ...asterisk.bridges.keys()];
  return left.length > 0 ? `left in Asterisk: ${left.join(', ')}` : undefined;
}

function faultOfFree({ fleet, session, ports }: Program): string | undefined {
  const { total, free, foreign } = fleet.ports();
  if (free + foreign !== total) return `${total - free - foreign} ports are not free though no call is left`;
  if (session.activeCalls > 0) return `${session.activeCalls} calls are left`;
  if (ports.held.size > 0) return `${ports.held.size} ports are held though no call is left`;
  return undefined;
}
