/** Faults that are put into the sources, one at a time, to prove that the model finds them. */

export interface SeededFault {
  readonly name: string;
  /** Below `src/core`. */
  readonly file: string;
  /** Occurs once. */
  readonly replace: string;
  readonly by: string;
  /** Where it is found, by its name. */
  readonly scenario: string;
}

const ONE = 'one call';
const UP_FAULT = 'a call that is up, one fault';
const TWO = 'one up and one coming, two ports';

export const FAULTS: readonly SeededFault[] = [
  {
    name: 'a port is never released',
    file: 'relay/fleet.ts',
    replace: 'await this.#release(leaving, id);',
    by: '',
    scenario: ONE,
  },
  {
    name: 'a port is free before it is closed',
    file: 'ports/allocator.ts',
    replace: "slot.state = 'closing';",
    by: "slot.state = 'free';",
    scenario: ONE,
  },
  {
    name: 'a port is handed out while it is being bound',
    file: 'ports/allocator.ts',
    replace: "slot.state = 'binding';",
    by: '',
    scenario: TWO,
  },
  {
    name: 'a port is released twice',
    file: 'ari/call.ts',
    replace: "      this.#existence.port = 'leaving';\n      actions.push({ do: 'release-port' });",
    by: "      actions.push({ do: 'release-port' });",
    scenario: ONE,
  },
  {
    name: 'a port that is bound after the caller has gone is kept',
    file: 'ari/call.ts',
    replace: "this.#existence.port = 'exists';\n        if (this.#phase === 'ending') return this.#takeDown();",
    by: "this.#existence.port = 'exists';\n        if (this.#phase === 'ending') return [];",
    scenario: ONE,
  },
  {
    name: 'the memory of a call is given back twice',
    file: 'relay/fleet.ts',
    replace: 'if (closed && released !== undefined)',
    by: 'if (released !== undefined)',
    scenario: ONE,
  },
  {
    name: 'nothing is reconciled',
    file: 'ari/session.ts',
    replace: '    void this.#reconcile(api);',
    by: '',
    scenario: UP_FAULT,
  },
  {
    name: 'callers that are gone are not looked for',
    file: 'ari/session.ts',
    replace: "for (const id of found.callersGone) this.#input(id, { type: 'caller-gone', reason: 'Asterisk no longer has the channel' });",
    by: '',
    scenario: UP_FAULT,
  },
  {
    name: 'bridges of an earlier run are left',
    file: 'ari/session.ts',
    replace: "for (const id of found.orphanBridges) void this.#takeDown('bridge', () => api.destroyBridge(id));",
    by: '',
    scenario: UP_FAULT,
  },
  {
    name: 'the limit of the set-up outlives its call',
    file: 'ari/session.ts',
    replace: '    clearTimeout(call.setupTimer);\n    this.#byCaller',
    by: '    this.#byCaller',
    scenario: ONE,
  },
  {
    name: 'a call is never counted down',
    file: 'relay/register.ts',
    replace: 'this.#active -= 1;',
    by: '',
    scenario: ONE,
  },
];
