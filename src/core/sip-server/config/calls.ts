/** `[behavior]` and `[[route]]`: what a call gets. */
import { key, optionalKey, requiredKey, table, tableList } from '../../service/config/schema.ts';
import type { Fields, Report, Table, TableList, ValueType } from '../../service/config/schema.ts';
import { choice, decimal, integer, listOf, text, yesOrNo } from '../../service/config/value-types.ts';
import { compileUserPattern } from '../user-pattern.ts';

export const ACTIONS = ['tone', 'echo', 'relay', 'record', 'play', 'busy', 'reject', 'silence'] as const;
export type ActionName = (typeof ACTIONS)[number];

export interface BehaviorSection {
  readonly auto_answer: boolean;
  readonly auto_answer_delay_ms: number;
  readonly mode: ActionName;
  readonly tone_frequency: number;
  readonly tone_amplitude: number;
  readonly tone_duration_seconds: number;
  readonly play_file?: string;
  readonly record_directory: string;
  readonly reject_status: number;
  readonly call_timeout_seconds: number;
  readonly max_concurrent_calls: number;
}

export interface RouteRule {
  readonly match: string;
  readonly action: ActionName;
  readonly answer_delay_ms?: number;
  readonly frequency?: number;
  readonly tones?: readonly number[];
  readonly cadence_ms?: readonly number[];
  readonly amplitude?: number;
  readonly duration_seconds?: number;
  readonly file?: string;
  readonly repeat?: boolean;
  readonly directory?: string;
  readonly status?: number;
  readonly reason?: string;
}

const ACTION: ValueType<ActionName> = choice(ACTIONS);
/** Up to half of the highest sampling rate. */
const FREQUENCY: ValueType<number> = decimal(1, 8_000);
const AMPLITUDE: ValueType<number> = decimal(0, 1);
const TONE_SECONDS: ValueType<number> = integer(0, 86_400);
const DELAY_MS: ValueType<number> = integer(0, 600_000);
const REFUSAL: ValueType<number> = integer(400, 699);
const FILE: ValueType<string> = text({ what: 'a file name' });

export const BEHAVIOR: Table<BehaviorSection> = table<BehaviorSection>('What a call gets that no [[route]] matches.', {
  auto_answer: key(yesOrNo, { default: true, reloadable: true, doc: 'Answer; without it a call rings until limits.ring_timeout_seconds.' }),
  auto_answer_delay_ms: key(DELAY_MS, { default: 1_000, reloadable: true, doc: 'Time from 180 Ringing to 200 OK.' }),
  mode: key(ACTION, {
    default: 'tone',
    reloadable: true,
    doc: 'What happens: a tone, the audio back at once, the measured path to the echo server, a recording, a file, or a refusal.',
  }),
  tone_frequency: key(FREQUENCY, { default: 440, reloadable: true, doc: 'Hertz; below half of the sampling rate.' }),
  tone_amplitude: key(AMPLITUDE, { default: 0.5, reloadable: true, doc: 'Fraction of full scale.' }),
  tone_duration_seconds: key(TONE_SECONDS, {
    default: 30,
    reloadable: true,
    doc: 'The call is ended after it; 0 lets the tone last as long as the call.',
  }),
  play_file: optionalKey(FILE, {
    example: '/usr/share/sounds/welcome.wav',
    reloadable: true,
    doc: 'WAV file of mode "play": 16-bit PCM, G.711 mu-law or A-law, at 8 or 16 kHz.',
  }),
  record_directory: key(FILE, { default: 'recordings', reloadable: true, doc: 'Where action "record" writes a WAV file a call.' }),
  reject_status: key(REFUSAL, { default: 603, reloadable: true, doc: 'Answer of action "reject".' }),
  call_timeout_seconds: key(integer(1, 604_800), { default: 300, reloadable: true, doc: 'The longest call; then it gets BYE.' }),
  max_concurrent_calls: key(integer(1, 1_000_000), {
    default: 100,
    reloadable: true,
    doc: 'Calls at once; more are answered limits.over_limit_status.',
  }),
});

/** A pattern that can be matched. */
const PATTERN: ValueType<string> = text({
  what: 'a pattern such as "6??"',
  most: 128,
  fault: (pattern) => {
    const compiled = compileUserPattern(pattern);
    return 'fault' in compiled ? compiled.fault : undefined;
  },
});

const ROUTE_FIELDS: Fields<RouteRule> = {
  match: requiredKey(PATTERN, {
    example: '6??',
    doc: 'User part of the Request-URI: ? is one character, * any number of them, [0-9] one of a set, [!0-9] one not in it.',
  }),
  action: requiredKey(ACTION, { example: 'echo', doc: 'What happens.' }),
  answer_delay_ms: optionalKey(DELAY_MS, {
    example: 0,
    doc: 'Time from 180 Ringing to 200 OK; without it [behavior] decides, auto_answer included.',
  }),
  frequency: optionalKey(FREQUENCY, { example: 440, doc: 'Of a tone: hertz; without it behavior.tone_frequency.' }),
  tones: optionalKey(listOf(FREQUENCY, 1, 8, 'distinct'), { example: [350, 440], doc: 'Of a tone: frequencies that sound together.' }),
  cadence_ms: optionalKey(listOf(integer(10, 60_000), 2, 16, 'repeated'), {
    example: [2_000, 4_000],
    doc: 'Of a tone: milliseconds on, off, on, off, …, over and over; without it the tone is continuous.',
  }),
  amplitude: optionalKey(AMPLITUDE, { example: 0.5, doc: 'Of a tone: fraction of full scale, of all frequencies together.' }),
  duration_seconds: optionalKey(TONE_SECONDS, { example: 30, doc: 'Of a tone: the call is ended after it; 0 for as long as the call.' }),
  file: optionalKey(FILE, { example: '/usr/share/sounds/welcome.wav', doc: 'Of action "play": WAV file; without it behavior.play_file.' }),
  repeat: optionalKey(yesOrNo, { example: true, doc: 'Of action "play": from the beginning again, until the call ends.' }),
  directory: optionalKey(FILE, { example: 'recordings', doc: 'Of action "record": where the WAV files go.' }),
  status: optionalKey(REFUSAL, { example: 404, doc: 'Of action "reject": the answer; without it behavior.reject_status.' }),
  reason: optionalKey(text({ most: 128 }), { example: 'Gone fishing', doc: 'Of action "reject": its phrase, instead of the usual one.' }),
};

/** The keys that only one action has. */
const OF_ACTION: ReadonlyMap<keyof RouteRule, ActionName> = new Map([
  ['frequency', 'tone'],
  ['tones', 'tone'],
  ['cadence_ms', 'tone'],
  ['amplitude', 'tone'],
  ['duration_seconds', 'tone'],
  ['file', 'play'],
  ['repeat', 'play'],
  ['directory', 'record'],
  ['status', 'reject'],
  ['reason', 'reject'],
]);

export const ROUTES: TableList<RouteRule> = tableList<RouteRule>({
  doc: 'Rules by the number that was called; the first that matches decides, [behavior] where none does.',
  fields: ROUTE_FIELDS,
  reloadable: true,
  example: `
[[route]]
match = "600"
action = "echo"

[[route]]
match = "6??"
action = "tone"
tones = [440.0, 480.0]
cadence_ms = [2000, 4000]

[[route]]
match = "9*"
action = "reject"
status = 404
`,
  check: checkRoute,
});

function checkRoute(rule: RouteRule, report: Report): void {
  for (const [name, action] of OF_ACTION) {
    if (rule[name] === undefined || rule.action === action) continue;
    report.problem([[name], ['action']], `"${name}" is of action "${action}", and this one is "${rule.action}"`, `take "${name}" away`);
  }
  const refused = rule.action === 'busy' || rule.action === 'reject';
  if (refused && rule.answer_delay_ms !== undefined) {
    report.problem([['answer_delay_ms'], ['action']], `a call with action "${rule.action}" is not answered`, 'take answer_delay_ms away');
  }
  if (rule.frequency !== undefined && rule.tones !== undefined) {
    report.problem([['tones'], ['frequency']], 'both "frequency" and "tones" are set', 'keep one of them');
  }
  if ((rule.cadence_ms?.length ?? 0) % 2 !== 0) {
    report.problem([['cadence_ms']], 'cadence_ms ends with a time on', 'times on and off come in pairs');
  }
}
