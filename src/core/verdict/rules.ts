/** The verdict of one instant, from what was heard in the last seconds. Pure: a table of thresholds, each with its source. */
import type { Ear } from './ear.ts';
import { ofPieces, ofWhole } from './direction.ts';
import type { FarEndReports } from './reports.ts';
import type { Finding } from './verdict.ts';
import { unknownBecause } from './verdict.ts';

/** There is a verdict after so long, whatever is known: with the time between two looks that is within 2 s of the answer. */
export const DEADLINE_NS = 1.9e9;
/** Nothing for so long is no gap any more. Ours: a caller asks "are you still there?". */
const SILENCE_NS = 2e9;
/** Known audio that a statement takes, ms. */
const ENOUGH_MS = 200;
/** Of what came: with less of ours in it, it is something else that is heard. */
const LEAST_OURS = 0.1;
/** Of what came: so much of other sound is no noise and no artefact. Music and speech have pauses. */
const LEAST_OTHER = 0.2;
/**
 * Of what should be heard: with 8.1 % of random loss G.711 with concealment (Bpl 25.1, Ie 0) has an R of 70 by ITU-T G.107, below which
 * many users are dissatisfied by ITU-T G.109.
 */
const ROBOTIC_SHARE = 0.08;
/** Until it is half of that, it is still so. */
const RECOVERED_SHARE = 0.04;
const DAMAGE_OVER_MS = 5_000;
/** What overtakes or is found later: the audio matcher's windows. */
const SETTLING_MS = 300;
const DAMAGE_LEAST_MS = 1_000;
/** So much must be damaged: of 3 % of random loss, which is not robotic, a share above 8 % of a short time is chance. */
const DAMAGED_MS = 250;
/** Of the peaks: a limit at three quarters of them. Half of this is a square. */
const CLIPPED_PEAKS = 0.86;
const CLIPPED_AGAIN = 0.9;
/** Cut off at the beginning: longer than the set-up of media takes, and as long as the word that a caller begins with. */
const CUT_MS = 300;

export interface Heard {
  readonly ear: Ear;
  readonly nowNs: number;
  readonly answeredNs: number;
  /** When something came last; undefined when nothing has. */
  readonly lastNs: number | undefined;
  /** Packets that came. */
  readonly came: number;
  /** By their own numbers, of the source that comes now. */
  readonly gaps: number;
  readonly reports: FarEndReports;
  /** What holds until now. */
  readonly before: Finding | undefined;
  /** Whose sound it is that comes in place of ours: the number of a call; null when it is none of this run's; undefined when it is not known. */
  readonly stranger: () => number | null | undefined;
  readonly ptimeMs: number;
  /** Whether what is sent can be told from silence. */
  readonly marked: boolean;
}

/** @returns undefined while too little was heard. */
export function find(heard: Heard): Finding | undefined {
  const { ear, nowNs, answeredNs, lastNs, reports } = heard;
  const silentNs = nowNs - (lastNs ?? answeredNs);
  if (silentNs >= (lastNs === undefined ? DEADLINE_NS : SILENCE_NS)) return nothingComes(heard);
  const ms = ear.window.since(Math.max(answeredNs, nowNs - SILENCE_NS));
  const ours = ms.ours + ms.repeated;
  const known = ours + ms.silent + ms.other;
  if (known < ENOUGH_MS) return undefined;
  const share = (part: number): string => `${Math.round((100 * part) / known)} %`;
  if (ours >= LEAST_OURS * known) return oursCome(heard, ms.repeated);
  const hearing = reports.hearing(ear.lastOursNs ?? answeredNs);
  if (hearing.hears === false) {
    const evidence = ['the far end receives nothing of ours, and what comes is not ours', `direction: ${hearing.because}`];
    return { state: 'one-way', direction: 'towards the far end', evidence, crossedWith: null };
  }
  if (ms.other >= LEAST_OTHER * known) {
    const call = heard.stranger();
    const whose = call === undefined ? '' : call === null ? ', of no call of this run' : `, that of call ${call}`;
    const { direction, because } = ofWhole(hearing, 'another sound comes');
    const evidence = [`other sound is ${share(ms.other)} of what comes, ours ${share(ours)}${whose}`, because];
    return { state: 'crossed', direction, evidence, crossedWith: call ?? null };
  }
  if (!heard.marked) return unknownBecause('packets come with silence in them, and silence is what was sent (--match header)');
  const { direction, because } = ofWhole(hearing, 'silence comes');
  return {
    state: 'silent',
    direction,
    evidence: [`silence or line noise is ${share(ms.silent)} of what comes, ours ${share(ours)}`, because],
    crossedWith: null,
  };
}

function nothingComes({ came, reports, nowNs, lastNs, answeredNs }: Heard): Finding {
  const { direction, because } = ofWhole(reports.hearing(lastNs ?? answeredNs), 'nothing comes from there');
  const seconds = ((nowNs - (lastNs ?? answeredNs)) / 1e9).toFixed(1);
  const what = came === 0 ? `nothing has come in the ${seconds} s since the answer` : `nothing has come for ${seconds} s`;
  return { state: 'one-way', direction, evidence: [what, because], crossedWith: null };
}

function oursCome(heard: Heard, repeatedMs: number): Finding {
  const { ear, before, gaps, reports, ptimeMs, nowNs, answeredNs } = heard;
  const damage = ear.places.damage(DAMAGE_OVER_MS, SETTLING_MS, DAMAGE_LEAST_MS);
  const isRobotic = before?.state === 'robotic';
  const least = isRobotic ? RECOVERED_SHARE : ROBOTIC_SHARE;
  if (damage !== undefined && damage.share > least && (isRobotic || damage.missingMs + damage.lateMs >= DAMAGED_MS)) {
    const missing = Math.round(ear.places.totalMissingMs / ptimeMs);
    const { direction, because } = ofPieces({ lost: reports.lost, missing, gaps, renumbered: ear.renumbered > 0 });
    const late = damage.lateMs === 0 ? '' : `, ${damage.lateMs} ms come too late`;
    const again = repeatedMs === 0 ? '' : ', pieces come twice';
    const evidence = [`of ${damage.ofMs} ms ${damage.missingMs} are missing or replaced${late}${again}`, because];
    return { state: 'robotic', direction, evidence, crossedWith: null };
  }
  const { peaks } = ear.clip;
  if (peaks !== undefined && peaks < (before?.state === 'clipped' ? CLIPPED_AGAIN : CLIPPED_PEAKS)) {
    const evidence = [
      `the peaks are ${Math.round(100 * peaks)} % of what they should be beside the lower amplitudes`,
      'direction: cannot be told, a limit on the amplitude leaves the same trace on either way',
    ];
    return { state: 'clipped', direction: null, evidence, crossedWith: null };
  }
  const cutMs = ear.places.beginsAtMs ?? 0;
  if (cutMs >= CUT_MS) {
    const evidence = [
      `the first ${cutMs} ms after the answer never came back`,
      'direction: cannot be told, what is not yet heard there and what is not yet sent from there look the same',
    ];
    return { state: 'clipped', direction: null, evidence, crossedWith: null };
  }
  const ofMs = Math.round((nowNs - answeredNs) / 1e6);
  return {
    state: 'fine',
    direction: null,
    evidence: [`ours is heard, from the beginning, for ${(ofMs / 1000).toFixed(1)} s`],
    crossedWith: null,
  };
}
