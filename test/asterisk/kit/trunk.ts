/** An Asterisk whose trunks lead to `rtplat sip-serve`, and what it does with a call that is answered. */
import { join } from 'node:path';
import type { Asterisk } from './asterisk.ts';
import type { AsteriskAdditions } from './config.ts';
import { until } from './process.ts';
import { SIP_PORT } from './sip-server.ts';

/** A second server, for what one configuration cannot be: L16 at 16 kHz. */
export const WIDE = { port: 5072, httpPort: 8092 } as const;

/** The trunks, by what is special about them. `PJSIP/USER@NAME` calls USER there. */
const TRUNKS = {
  trunk: 'allow = ulaw,alaw',
  'trunk-alaw': 'allow = alaw',
  'trunk-slin': 'allow = slin',
  'trunk-slin16': 'allow = slin16\naors = wide',
  'trunk-info': 'allow = ulaw\ndtmf_mode = info',
  'trunk-inband': 'allow = ulaw\ndtmf_mode = inband',
  // Holds by re-INVITE, instead of playing music itself.
  'trunk-hold': 'allow = ulaw\nmoh_passthrough = yes',
  'trunk-100rel': 'allow = ulaw\n100rel = required',
  'trunk-timers': 'allow = ulaw\ntimers = required\ntimers_sess_expires = 90',
  'trunk-direct': 'allow = ulaw\ndirect_media = yes',
} as const;

export type Trunk = keyof typeof TRUNKS;

export const DIALLED = '0123456789*#ABCD';

export const TRUNK_ADDITIONS: AsteriskAdditions = {
  modules: ['app_record', 'app_mixmonitor', 'app_senddtmf', 'format_wav', 'format_pcm', 'res_pjsip_dtmf_info', 'res_pjsip_logger'],
  pjsip: `
[rtplat]
type = aor
contact = sip:127.0.0.1:${SIP_PORT}
qualify_frequency = 1
[wide]
type = aor
contact = sip:127.0.0.1:${WIDE.port}
${Object.entries(TRUNKS)
  .map(([name, lines]) => `[${name}]\ntype = endpoint\ncontext = nowhere\ndisallow = all\n${sectionOf(lines)}`)
  .join('')}`,
  extensions: `
[judge]
exten = record,1,Record(\${FILE},0,0,qk)
exten = speak,1,MixMonitor(\${FILE}.both.wav,r(\${FILE}))
 same = n,Playtones(425)
 same = n,Wait(3)
 same = n,Hangup()
exten = digits,1,Wait(0.5)
 same = n,SendDTMF(${DIALLED},100,100)
 same = n,Wait(0.5)
 same = n,Hangup()
exten = wait,1,Wait(60)
exten = direct,1,Dial(PJSIP/mirror@trunk-direct)
[out]
exten = _[a-z].,1,Dial(PJSIP/\${EXTEN}@trunk,20)
 same = n,NoOp(result \${EXTEN} \${DIALSTATUS} \${HANGUPCAUSE})
`,
};

/** Every trunk leads to the first server and carries its own media, unless it says otherwise. */
function sectionOf(lines: string): string {
  const usual = [
    ...(lines.includes('aors = ') ? [] : ['aors = rtplat']),
    ...(lines.includes('direct_media = ') ? [] : ['direct_media = no']),
    ...(lines.includes('100rel = ') ? [] : ['100rel = no']),
    ...(lines.includes('timers = ') ? [] : ['timers = no']),
  ];
  return `${[...usual, lines].join('\n')}\n`;
}

/** What Asterisk does once the call is answered. */
export type Judge = 'record' | 'speak' | 'digits' | 'wait' | 'direct';

/** Has Asterisk call. @param file that `record` and `speak` write what they hear to. @returns the channel's id. */
export function originate(asterisk: Asterisk, endpoint: string, judge: Judge, file?: string): Promise<string> {
  return create(asterisk, { endpoint, context: 'judge', extension: judge, priority: '1' }, file === undefined ? {} : { FILE: file });
}

/** Has Asterisk call, and gives the answered channel to the Stasis application `app`. */
export function originateInto(asterisk: Asterisk, endpoint: string, app: string): Promise<string> {
  return create(asterisk, { endpoint, app }, {});
}

async function create(
  asterisk: Asterisk,
  query: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const { status, body } = await asterisk.ari.request('POST', `/channels?${new URLSearchParams(query).toString()}`, { variables });
  if (status !== 200) throw new Error(`originate ${JSON.stringify(query)}: ${status} ${JSON.stringify(body)}`);
  return (body as { readonly id: string }).id;
}

/** Waits until a channel is no more: what it recorded is then complete. */
export async function gone(asterisk: Asterisk, id: string, timeoutMs = 20_000): Promise<void> {
  await until(`the end of channel ${id}`, async () => (await asterisk.ari.request('GET', `/channels/${id}`)).status === 404 || undefined, {
    timeoutMs,
  });
}

/** Has the dialplan dial USER over `trunk`; waits for what it says of the outcome: `BUSY 17`, for instance. */
export async function dialled(asterisk: Asterisk, user: string): Promise<string> {
  await create(asterisk, { endpoint: `Local/${user}@out`, context: 'judge', extension: 'wait', priority: '1' }, {});
  return until(`the result of ${user}`, () => new RegExp(`"result ${user} ([A-Z]+ \\d+)"`).exec(asterisk.log())?.[1]);
}

/** Where Asterisk writes what it hears. */
export function recording(dir: string, name: string): string {
  return join(dir, `${name}.wav`);
}

/** SIP as Asterisk has logged it since `pjsip set logger on`, in order: what it sent, or what it received. */
export function signalling(asterisk: Asterisk, direction: 'Transmitting' | 'Received'): readonly string[] {
  return asterisk
    .log()
    .replaceAll('\r', '')
    .split('<--- ')
    .filter((message) => message.startsWith(`${direction} SIP `));
}
