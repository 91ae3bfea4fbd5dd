/** A far end for calls, on loopback: what it does is in the user part of the URI that is called. */
import { randomBytes } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { ServerCall } from '../../src/core/sip/server-call.ts';
import { LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../src/core/audio/g711.ts';
import type { Endpoint } from '../../src/core/udp/engine.ts';
import { SipEndpoint } from '../../src/core/sip/transports/endpoint.ts';
import { parseUri } from '../../src/core/sip/uri.ts';
import { UserAgent } from '../../src/core/sip/user-agent.ts';
import { createPortableEngine } from '../../src/core/udp/portable.ts';
import { faithful, reflector } from '../core/probe/reflectors.ts';
import type { Behaviour } from '../core/probe/reflectors.ts';

export interface FarEnd {
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly tlsPort: number;
  /** How the calls that came ended: `echo: caller BYE`. */
  readonly ends: readonly string[];
  /** Calls that are up or ringing. */
  up(): number;
  /** Waits until so many are. */
  upAre(count: number): Promise<void>;
  /** Waits until so many more packets were echoed. */
  echoes(count: number): Promise<void>;
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const engine = createPortableEngine();

/** A PBX that makes packets of its own. */
const rewriting: Behaviour = (bytes) => {
  const other = Uint8Array.from(bytes);
  other[8] = (other[8] ?? 0) ^ 0xff;
  return [other];
};

/** One that says nothing, in packets of its own. */
const hushing: Behaviour = (bytes) => {
  const other = new Uint8Array(bytes.length).fill(0xff);
  other.set(bytes.subarray(0, 8));
  return [other];
};

/** What it does wrong by the user part; each is a call of its own kind. */
const FAULTS: Readonly<Record<string, () => Behaviour>> = {
  /** The peaks are cut at a third of those that are sent. */
  limited: () => (bytes) => [withAudio(bytes, (sample) => Math.max(-1_450, Math.min(1_450, sample)))],
  /** It begins to hear after 1.5 s. */
  late: () => (bytes, n) => (n < 75 ? [] : [bytes]),
  /** Every third packet is the one before it again. */
  torn: () => {
    let last: Uint8Array = new Uint8Array();
    return (bytes, n) => {
      const again = Uint8Array.from(bytes);
      if (n % 3 === 2) again.set(last.subarray(12), 12);
      last = bytes;
      return [again];
    };
  },
  /** Bursts of 120 ms, each second one, and packets of its own numbers: lost before it, or behind it. */
  deafish: () => {
    let sent = 0;
    return (bytes, n) => (n % 50 < 6 ? [] : [numbered(bytes, (sent += 1))]);
  },
  lossy: () => (bytes, n) => (n % 50 < 6 ? [] : [numbered(bytes, n)]),
  /** In its middle nothing comes any more. */
  dying: () => (bytes, n) => (n < 100 ? [bytes] : []),
};

/** The samples of a packet of PCMU, each changed. */
function withAudio(bytes: Uint8Array, change: (sample: number) => number): Uint8Array {
  return bytes.map((byte, i) => (i < 12 ? byte : (ULAW_OF_LINEAR[change(LINEAR_OF_ULAW[byte] as number) & 0xffff] as number)));
}

function numbered(bytes: Uint8Array, sequence: number): Uint8Array {
  const other = Uint8Array.from(bytes);
  other[8] = (other[8] ?? 0) ^ 0xff;
  new DataView(other.buffer).setUint16(2, sequence & 0xffff);
  return other;
}

/** Two callers, each of whom hears the other one, as soon as there are two. */
async function crossing(): Promise<{ readonly at: { readonly port: number }; readonly close: () => Promise<void> }> {
  const socket = await engine.bind({ address: '127.0.0.1', port: 0 });
  const callers = new Map<number, Endpoint>();
  socket.receive({
    packet: (buffer, offset, length, { from }) => {
      callers.set(from.port, from);
      for (const [port, caller] of callers) if (port !== from.port) socket.send(buffer, offset, length, caller);
    },
    error: () => undefined,
  });
  return { at: socket.local, close: () => socket.close() };
}

export async function farEnd(tls: TlsOptions): Promise<FarEnd> {
  let echoed = 0;
  let heard = Promise.withResolvers<void>();
  const counted: Behaviour = (bytes, n) => {
    echoed += 1;
    heard.resolve();
    heard = Promise.withResolvers();
    return faithful(bytes, n);
  };
  const media = {
    echo: await reflector(engine, counted),
    ssrc: await reflector(engine, rewriting),
    hush: await reflector(engine, hushing),
    mute: await reflector(engine, () => []),
    twice: await reflector(engine, (bytes) => [bytes, bytes]),
  };
  const crossed = await crossing();
  const faulty: { readonly close: () => Promise<void> }[] = [];
  const dead = await reflector(engine, faithful);
  await dead.close();
  const ends: string[] = [];
  const calls = { up: 0 };
  let changed = Promise.withResolvers<void>();
  const change = (by: number): void => {
    calls.up += by;
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const at: { endpoint?: SipEndpoint } = {};
  const answer = (call: ServerCall, port: number, lines: readonly string[] = ['m=audio PORT RTP/AVP 0']): void => {
    const text = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...lines, ''].join('\r\n');
    call.answer(encoder.encode(text.replace('PORT', String(port))), performance.now());
  };
  /** SRTP of an echo: with the first key of the offer, that packets come back with; or with one of its own. */
  const answerSecured = (call: ServerCall, user: string, offer: string): void => {
    const offered = offer.split('\r\n').find((line) => line.startsWith('a=crypto:')) ?? '';
    const key = user === 'srtp-other' ? offered.replace(/inline:.*/, `inline:${randomBytes(30).toString('base64')}`) : offered;
    answer(call, (user === 'srtp-twice' ? media.twice : media.echo).at.port, ['m=audio PORT RTP/SAVP 0', key]);
  };
  const answerWith = async (call: ServerCall, behaviour: Behaviour): Promise<void> => {
    const one = await reflector(engine, behaviour);
    faulty.push(one);
    answer(call, one.at.port);
    at.endpoint?.touched();
  };
  const invited = (call: ServerCall, user: string, offer: string): void => {
    const nowMs = performance.now();
    if (user === 'busy') return call.reject(486, nowMs, { headers: [['Reason', 'Q.850;cause=17;text="User busy"']] });
    if (user === 'nobody') return call.reject(404, nowMs);
    if (user === 'codecs') return call.reject(488, nowMs, { headers: [['Warning', '305 pbx "no codec"']] });
    if (user === 'moved') return call.reject(302, nowMs, { headers: [['Contact', '<sip:601@127.0.0.1>']] });
    call.ring(nowMs);
    if (user === 'rings') return undefined;
    if (user === 'dead') answer(call, dead.at.port);
    else if (user === 'g729') answer(call, media.echo.at.port, ['m=audio PORT RTP/AVP 18', 'a=rtpmap:18 G729/8000']);
    else if (user.startsWith('srtp')) answerSecured(call, user, offer);
    else if (user === 'crossed') answer(call, crossed.at.port);
    else if (FAULTS[user] !== undefined) {
      // One for each call: it counts its packets.
      void answerWith(call, FAULTS[user]());
    } else if (user === 'held') answer(call, media.echo.at.port, ['m=audio PORT RTP/AVP 0', 'a=inactive']);
    else answer(call, (user === 'ssrc' || user === 'hush' || user === 'mute' ? media[user] : media.echo).at.port);
    return undefined;
  };
  const agent = new UserAgent({
    random: (bytes) => randomBytes(bytes).toString('hex'),
    contact: ({ transport, local }) => `<sip:${local.address}:${local.port};transport=${transport.toLowerCase()}>`,
    server: 'far-end',
    leastSessionSeconds: 90,
    flowTo: (uri, like) => at.endpoint?.flowTo(uri, like),
    admits: () => undefined,
    invited: (call, request) => {
      const user = parseUri(request.uri)?.user ?? '';
      change(1);
      call.serve({
        acked: () => {
          if (user !== 'brief') return;
          agent.scheduler.at(performance.now() + 1_000, (nowMs) => call.hangUp('enough', nowMs));
          at.endpoint?.touched();
        },
        reoffered: () => ({ status: 488 }),
        info: () => 200,
        ended: ({ by, reason }) => {
          ends.push(`${user}: ${by} ${reason}`);
          change(-1);
        },
      });
      invited(call, user, new TextDecoder().decode(request.body));
    },
  });
  const endpoint = await SipEndpoint.start(
    {
      ...{ engine, addresses: ['127.0.0.1'], udpPort: 0, tcpPort: 0, tls: { port: 0, options: tls } },
      nowMs: () => performance.now(),
      trouble: (what, _flow, isOurs) => {
        if (isOurs) throw new Error(what);
      },
    },
    agent,
  );
  at.endpoint = endpoint;
  const portOf = (wanted: string): number => endpoint.listening.find(({ transport }) => transport === wanted)?.port ?? 0;
  return {
    udpPort: portOf('UDP'),
    tcpPort: portOf('TCP'),
    tlsPort: portOf('TLS'),
    ends,
    up: () => calls.up,
    upAre: async (count) => {
      while (calls.up !== count) await changed.promise;
    },
    echoes: async (count) => {
      const until = echoed + count;
      for (let now = echoed; now < until; now = echoed) await heard.promise;
    },
    close: async () => {
      await endpoint.stop();
      await Promise.all([...Object.values(media), ...faulty, crossed].map(({ close }) => close()));
    },
  };
}
