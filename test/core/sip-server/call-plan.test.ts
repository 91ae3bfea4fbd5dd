import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/core/service/config/read.ts';
import { CallPlanner } from '../../../src/core/sip-server/call-plan.ts';
import { SIP_SERVE_SCHEMA } from '../../../src/core/sip-server/config.ts';

function planner(text: string): CallPlanner {
  const { config, problems } = readConfig(text, 'sip.toml', SIP_SERVE_SCHEMA);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return new CallPlanner(config);
}

const USUAL_TONE = { kind: 'tone', frequenciesHz: [440], cadenceMs: [], amplitude: 0.5, durationMs: 30_000 };

describe('without rules', () => {
  it('every number gets the tone of [behavior]', () => {
    for (const user of ['', '600', 'alice']) {
      expect(planner('').planFor(user)).toEqual({ action: USUAL_TONE, answerDelayMs: 1_000, match: undefined });
    }
  });

  it.each([
    ['mode = "echo"', { kind: 'echo' }],
    ['mode = "relay"', { kind: 'relay' }],
    ['mode = "silence"', { kind: 'silence' }],
    ['mode = "busy"', { kind: 'busy' }],
    ['mode = "record"', { kind: 'record', directory: 'recordings' }],
    ['mode = "reject"', { kind: 'reject', status: 603, reason: undefined }],
    ['mode = "play"\nplay_file = "a.wav"', { kind: 'play', file: 'a.wav', repeat: false }],
    ['tone_duration_seconds = 0', { ...USUAL_TONE, durationMs: Number.POSITIVE_INFINITY }],
  ])('[behavior] %s', (text, action) => {
    expect(planner(`[behavior]\n${text}`).planFor('1').action).toEqual(action);
  });

  it('a call rings out when nothing is answered by itself', () => {
    expect(planner('[behavior]\nauto_answer = false').planFor('1').answerDelayMs).toBeUndefined();
  });
});

describe('a rule', () => {
  it('decides for what it matches, the first of them', () => {
    const rules = planner(`
[[route]]
match = "600"
action = "echo"
[[route]]
match = "6*"
action = "busy"
[[route]]
match = "?"
action = "silence"
`);
    expect(['600', '601', '6', '7', '70'].map((user) => rules.planFor(user).action.kind)).toEqual([
      'echo',
      'busy',
      'busy',
      'silence',
      'tone',
    ]);
    expect(rules.planFor('601').match).toBe('6*');
  });

  it.each([
    ['action = "tone"', USUAL_TONE],
    [
      'action = "tone"\nfrequency = 1000\namplitude = 0.25\nduration_seconds = 2',
      { ...USUAL_TONE, frequenciesHz: [1_000], amplitude: 0.25, durationMs: 2_000 },
    ],
    ['action = "tone"\ntones = [350, 440]\ncadence_ms = [400, 200]', { ...USUAL_TONE, frequenciesHz: [350, 440], cadenceMs: [400, 200] }],
    ['action = "play"\nfile = "b.wav"\nrepeat = true', { kind: 'play', file: 'b.wav', repeat: true }],
    ['action = "record"\ndirectory = "d"', { kind: 'record', directory: 'd' }],
    ['action = "reject"\nstatus = 404\nreason = "Nobody"', { kind: 'reject', status: 404, reason: 'Nobody' }],
    ['action = "reject"', { kind: 'reject', status: 603, reason: undefined }],
  ])('%s', (text, action) => {
    expect(planner(`[[route]]\nmatch = "*"\n${text}`).planFor('1').action).toEqual(action);
  });

  it('takes from [behavior] what it does not say', () => {
    const behavior = '[behavior]\nmode = "echo"\ntone_frequency = 500\nplay_file = "a.wav"\nrecord_directory = "r"\nreject_status = 404\n';
    const rule = (action: string): unknown => planner(`${behavior}[[route]]\nmatch = "*"\naction = "${action}"`).planFor('1').action;
    expect(rule('tone')).toEqual({ ...USUAL_TONE, frequenciesHz: [500] });
    expect(rule('play')).toEqual({ kind: 'play', file: 'a.wav', repeat: false });
    expect(rule('record')).toEqual({ kind: 'record', directory: 'r' });
    expect(rule('reject')).toEqual({ kind: 'reject', status: 404, reason: undefined });
  });

  it('may have its own delay, which answers even where nothing else is answered', () => {
    const text =
      '[behavior]\nauto_answer = false\n[[route]]\nmatch = "1"\naction = "echo"\nanswer_delay_ms = 0\n[[route]]\nmatch = "2"\naction = "echo"';
    expect(['1', '2', '3'].map((user) => planner(text).planFor(user).answerDelayMs)).toEqual([0, undefined, undefined]);
  });
});
