/**
 * Breadth first through every state that can be reached. A program that waits for promises cannot be copied: a state is reached by
 * making its moves again, from the start. The first path to a fault is therefore one of the shortest.
 */
import { faultAtRest, faultOf, isOnItsWay } from './check.ts';
import { keyOf } from './key.ts';
import { collectTimers, settled, takeTimers } from './timers.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';
import type { Scenario } from './world.ts';

export interface Explored {
  readonly scenario: string;
  readonly states: number;
  readonly transitions: number;
  /** Moves of the longest path. */
  readonly depth: number;
  /** Whether there was nothing left to explore, rather than no more states allowed. */
  readonly complete: boolean;
  readonly seconds: number;
  readonly fault: Fault | undefined;
}

export interface Fault {
  readonly what: string;
  /** The moves that lead to it. */
  readonly path: readonly string[];
}

interface Node {
  readonly from: Node | undefined;
  /** Which of the moves of the state before. */
  readonly choice: number;
}

export async function explore(scenario: Scenario, mostStates: number): Promise<Explored> {
  takeTimers();
  // The refusals of Asterisk are made by the million, and nobody looks where.
  Error.stackTraceLimit = 0;
  const startedMs = performance.now();
  const seen = new Set<string>();
  let [transitions, depth] = [0, 0];
  const end = (complete: boolean, fault?: Fault): Explored => {
    const seconds = (performance.now() - startedMs) / 1000;
    return { scenario: scenario.name, states: seen.size, transitions, depth, complete, seconds, fault };
  };
  const root: Node = { from: undefined, choice: -1 };
  let frontier: Node[] = [root];
  seen.add(keyOf(await replay(scenario, root)));
  while (frontier.length > 0) {
    const next: Node[] = [];
    for (const node of frontier) {
      let world = await replay(scenario, node);
      const count = world.moves().length;
      for (let choice = 0; choice < count; choice++) {
        if (choice > 0) world = await replay(scenario, node);
        const child: Node = { from: node, choice };
        transitions += 1;
        await step(world, choice);
        const fault = faultOf(world);
        if (fault !== undefined) return end(false, { what: fault, path: await pathOf(scenario, child) });
        const key = keyOf(world);
        if (seen.has(key)) continue;
        seen.add(key);
        next.push(child);
        if (seen.size >= mostStates) return end(false);
        // From a state that something is still on its way to, the way to rest goes through others that are looked at in their turn.
        if (world.moves().some((move) => isOnItsWay(move))) continue;
        const rest: string[] = [];
        const faultLater = await faultAtRest(world, (name) => rest.push(name));
        if (faultLater !== undefined)
          return end(false, { what: faultLater, path: [...(await pathOf(scenario, child)), 'from here on all goes well:', ...rest] });
      }
    }
    if (next.length > 0) depth += 1;
    frontier = next;
  }
  return end(true);
}

async function step(world: World, choice: number): Promise<string> {
  const move = world.moves()[choice];
  if (move === undefined) throw new Error('the same moves lead to another state');
  world.make(move);
  await settled();
  return move.name;
}

/** The world after the moves that lead to a state. */
async function replay(scenario: Scenario, node: Node, made: (name: string) => void = () => {}): Promise<World> {
  Violation.found = [];
  collectTimers(undefined);
  const choices: number[] = [];
  for (let at = node; at.from !== undefined; at = at.from) choices.push(at.choice);
  const world = new World(scenario);
  await begun(world);
  for (const choice of choices.toReversed()) made(await step(world, choice));
  return world;
}

async function pathOf(scenario: Scenario, node: Node): Promise<string[]> {
  const path: string[] = [];
  await replay(scenario, node, (name) => path.push(name));
  return path;
}

/** The service is up, and has had its first look at an Asterisk that has nothing; then the calls are made that are to be up. */
async function begun(world: World): Promise<void> {
  world.start();
  await settled();
  for (;;) {
    const move = world
      .moves()
      .find(
        ({ name, fault }) =>
          fault === undefined && !name.endsWith(' hangs up') && (!name.endsWith(' comes') || world.arrived < (world.scenario.up ?? 0)),
      );
    if (move === undefined) return;
    world.make(move);
    await settled();
  }
}
