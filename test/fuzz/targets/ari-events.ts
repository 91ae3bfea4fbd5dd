import { setImmediate as turn } from 'node:timers/promises';
import { AriFailure } from '../../../src/core/ari/api.ts';
import type { AriApi } from '../../../src/core/ari/api.ts';
import { readAriEvent } from '../../../src/core/ari/event.ts';
import { AriSession } from '../../../src/core/ari/session.ts';
import type { RelayCall, RelayFleet } from '../../../src/core/relay/fleet.ts';
import { createLogger } from '../../../src/core/service/log.ts';
import { FakeAsterisk } from '../../kit/fake-asterisk.ts';
import type { FakeRequest } from '../../kit/fake-asterisk.ts';
import { bytesOf, must, mustBeOneCleanLine, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const APP = 'rtplat';
const MOST_EVENTS = 20;
/** Turns of the event loop in which all that was asked of the fake Asterisk has been answered, of all calls one after the other. */
const MOST_TURNS = 200;
const PORTS = 3;
const REQUESTS: readonly FakeRequest[] = [
  'createExternalMedia',
  'createBridge',
  'addToBridge',
  'answer',
  'hangUp',
  'destroyBridge',
  'listChannels',
];

const log = createLogger({
  format: 'text',
  level: 'debug',
  now: () => new Date(0),
  write: (line) => mustBeOneCleanLine(line.trimEnd(), 'a log line'),
});

export const target: FuzzTarget = {
  name: 'ari-events',
  what: 'events of Asterisk, a line of JSON each, into a session with a fake Asterisk: no nonsense reaches it, and at its end no call and no port is left',
  code: ['ari/event.ts', 'ari/session.ts', 'ari/call.ts', 'ari/reconcile.ts'],
  mostBytes: 1_500,
  inputs: 50_000,
  seeds: () =>
    bytesOf(
      [start('1'), '', '', '', '', '', '~', '', event('StasisEnd', '1'), '~'].join('\n'),
      ['!createBridge', start('1'), '', '', '!hangUp', '~', start('2'), '!answer', start('3'), '', '', ''].join('\n'),
      [start('1'), start('2'), event('StasisEnd', '1'), event('ChannelDestroyed', '2', { cause: 16, cause_txt: 'Normal' })].join('\n'),
      [start('1'), '', '{"type":"BridgeDestroyed","bridge":{"id":"rtplat-b-x-1"}}', '', event('ChannelDestroyed', 'rtplat-m-x-1')].join(
        '\n',
      ),
      [start('1'), start('2'), start('3'), start('4'), '', '', event('StasisEnd', '4')].join('\n'),
      [
        start('1', 'UnicastRTP/127.0.0.1'),
        start('\u001B[2J\n'),
        '{"type":"StasisStart","application":"rtplat","channel":{"id":5}}',
        '[]',
        'null',
      ].join('\n'),
    ),
  async check(input) {
    let leased = 0;
    const open = (id: string): RelayCall => {
      must(typeof id === 'string', 'a call without an id', id);
      let port: number | undefined;
      return {
        record: { state: '' } as RelayCall['record'],
        get port() {
          return port;
        },
        bind: async () => {
          await turn();
          if (leased >= PORTS) throw new Error('no ports available');
          leased += 1;
          port = 10_000 + leased;
          return port;
        },
        pin: () => Promise.resolve(),
        release: async () => {
          await turn();
          if (port !== undefined) leased -= 1;
          port = undefined;
        },
        close: () => undefined,
      };
    };
    const session = new AriSession({
      app: APP,
      instance: 'x',
      format: 'ulaw',
      advertise: () => '127.0.0.1',
      fleet: { open, refuseNew: () => undefined } as unknown as RelayFleet,
      log,
      nowNs: () => 1,
    });
    const asterisk = new FakeAsterisk((happened) => session.event(happened));
    asterisk.media = { address: '127.0.0.1', port: 5_000 };
    session.connected(connectionTo(asterisk));
    for (const line of textOf(input).split('\n').slice(0, MOST_EVENTS)) {
      // An empty line: Asterisk gets the time to answer; others: the connection is lost, or a request fails from now on.
      if (line === '') await turn();
      if (line === '~') {
        session.disconnected();
        session.connected(connectionTo(asterisk));
        await turn();
      }
      for (const request of REQUESTS) if (line === `!${request}`) asterisk.failing.set(request, new AriFailure('refused', 'no', 500));
      const read = readAriEvent(parsed(line), APP);
      if (read === undefined) continue;
      const { channel } = { channel: undefined, ...read };
      if (read.type === 'StasisStart' && channel !== undefined) asterisk.put(channel.id, channel.state, channel.name);
      session.event(read);
    }
    const ending = { over: false };
    const ended = session.shutdown().then(() => (ending.over = true));
    for (let turns = 0; !ending.over && turns < MOST_TURNS; turns += 1) await turn();
    session.disconnected();
    must(ending.over, 'the session does not end; calls:', session.activeCalls);
    await ended;
    must(session.activeCalls === 0 && leased === 0, 'calls and ports are left', session.activeCalls, leased);
  },
};

/** A session tells connections apart by their objects. */
function connectionTo(asterisk: AriApi): AriApi {
  return {
    createExternalMedia: (id, host, format) => asterisk.createExternalMedia(id, host, format),
    createBridge: (id) => asterisk.createBridge(id),
    addToBridge: (id, channels) => asterisk.addToBridge(id, channels),
    answer: (id) => asterisk.answer(id),
    hangUp: (id, reason) => asterisk.hangUp(id, reason),
    destroyBridge: (id) => asterisk.destroyBridge(id),
    listChannels: () => asterisk.listChannels(),
    listBridgeIds: () => asterisk.listBridgeIds(),
    channelVariable: (id, expression) => asterisk.channelVariable(id, expression),
    hasModule: (name) => asterisk.hasModule(name),
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function event(type: string, id: string, more: object = {}): string {
  return JSON.stringify({ type, application: APP, channel: { id, name: `PJSIP/${id}`, state: 'Ring' }, ...more });
}

function start(id: string, name = `PJSIP/${id}`): string {
  return event('StasisStart', id, { channel: { id, name, state: 'Ring' } });
}
