/**
 * The E-model of ITU-T G.107 (06/2015): from the parameters of a connection to the transmission rating factor R, and from R to the
 * mean opinion score. The letters are those of the Recommendation; the numbers in brackets are its equations.
 */

/** The inputs of the E-model (G.107 Table 2). OLR = SLR + RLR and LSTR = STMR + Dr follow from them. */
export interface EModelParameters {
  /** Send loudness rating, dB. */
  readonly slr: number;
  /** Receive loudness rating, dB. */
  readonly rlr: number;
  /** Sidetone masking rating, dB. */
  readonly stmr: number;
  /** D-value of the telephone, send side. */
  readonly ds: number;
  /** D-value of the telephone, receive side. */
  readonly dr: number;
  /** Talker echo loudness rating, dB. */
  readonly telr: number;
  /** Weighted echo path loss, dB. */
  readonly wepl: number;
  /** T: mean one-way delay of the echo path, ms. */
  readonly tMs: number;
  /** Tr: round-trip delay in a 4-wire loop, ms. */
  readonly trMs: number;
  /** Ta: absolute delay in echo-free connections, ms. */
  readonly taMs: number;
  /** Quantization distortion units. */
  readonly qdu: number;
  /** Equipment impairment factor. */
  readonly ie: number;
  /** Packet-loss robustness factor. */
  readonly bpl: number;
  /** Ppl: packet-loss probability, percent. */
  readonly pplPercent: number;
  /** Burst ratio: 1 for random loss. */
  readonly burstR: number;
  /** Circuit noise referred to the 0 dBr point, dBm0p. */
  readonly nc: number;
  /** Noise floor at the receive side, dBmp. */
  readonly nfor: number;
  /** Room noise at the send side, dB(A). */
  readonly ps: number;
  /** Room noise at the receive side, dB(A). */
  readonly pr: number;
  /** mT: minimal perceivable delay, ms. */
  readonly mtMs: number;
  /** sT: delay sensitivity. */
  readonly st: number;
  /** Advantage factor. */
  readonly a: number;
}

/** The defaults of G.107 Tables 1 and 2; R is 93.2 with them. */
export const E_MODEL_DEFAULTS: EModelParameters = {
  slr: 8,
  rlr: 2,
  stmr: 15,
  ds: 3,
  dr: 3,
  telr: 65,
  wepl: 110,
  tMs: 0,
  trMs: 0,
  taMs: 0,
  qdu: 1,
  ie: 0,
  bpl: 4.3,
  pplPercent: 0,
  burstR: 1,
  nc: -70,
  nfor: -64,
  ps: 35,
  pr: 35,
  mtMs: 100,
  st: 1,
  a: 0,
};

/** What R is the sum of: R = Ro − Is − Id − Ie,eff + A (7-1). */
export interface RTerms {
  /** Signal to noise. */
  readonly ro: number;
  /** Impairments that come with the voice: loudness, sidetone, quantizing. */
  readonly is: number;
  /** Impairments of delay and echo. */
  readonly id: number;
  /** Impairments of the codec and of packet loss. */
  readonly ieEff: number;
  readonly a: number;
}

/** R, unbounded; what is not given has its default. */
export function rFactor(parameters: Partial<EModelParameters> = {}): number {
  return sumOf(rTerms(parameters));
}

function sumOf({ ro, is, id, ieEff, a }: RTerms): number {
  return ro - is - id - ieEff + a;
}

function rTerms(parameters: Partial<EModelParameters>): RTerms {
  const p = { ...E_MODEL_DEFAULTS, ...parameters };
  const no = noiseSum(p);
  const ro = 15 - 1.5 * (p.slr + no); // (7-2)
  const ist = sidetoneImpairment(p);
  const is = loudnessImpairment(p, no) + ist + quantizingImpairment(p, ro); // (7-8)
  const id = talkerEchoImpairment(p, no, ist) + listenerEchoImpairment(p, ro) + absoluteDelayImpairment(p); // (7-18)
  return { ro, is, id, ieEff: effectiveEquipmentImpairment(p), a: p.a };
}

/** The mean opinion score estimated from R, 1 … 4.5 (G.107 B-4). Below R = 6.5 its polynomial dips under 1, which is no score. */
export function mosFromR(r: number): number {
  if (r <= 0) return 1;
  if (r >= 100) return 4.5;
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/** No: all noise, as power at the 0 dBr point (7-3). */
function noiseSum(p: EModelParameters): number {
  const nos = p.ps - p.slr - p.ds - 100 + 0.004 * (p.ps - (p.slr + p.rlr) - p.ds - 14) ** 2; // (7-4)
  const pre = p.pr + 10 * Math.log10(1 + 10 ** ((10 - (p.stmr + p.dr)) / 10)); // (7-6)
  const nor = p.rlr - 121 + pre + 0.008 * (pre - 35) ** 2; // (7-5)
  const nfo = p.nfor + p.rlr; // (7-7)
  return 10 * Math.log10(10 ** (p.nc / 10) + 10 ** (nos / 10) + 10 ** (nor / 10) + 10 ** (nfo / 10));
}

/** Iolr: too low an overall loudness rating (7-9). */
function loudnessImpairment(p: EModelParameters, no: number): number {
  const xolr = p.slr + p.rlr + 0.2 * (64 + no - p.rlr); // (7-10)
  return 20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8);
}

/** Ist: non-optimum sidetone (7-11). */
function sidetoneImpairment(p: EModelParameters): number {
  const stmro = -10 * Math.log10(10 ** (-p.stmr / 10) + Math.exp(-p.tMs / 4) * 10 ** (-p.telr / 10)); // (7-12)
  return (
    12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8) -
    28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35) -
    13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13) +
    29
  );
}

/** Iq: quantizing distortion (7-13). */
function quantizingImpairment(p: EModelParameters, ro: number): number {
  const q = 37 - 15 * Math.log10(p.qdu); // (7-17)
  const g = 1.07 + 0.258 * q + 0.0602 * q ** 2; // (7-16)
  const y = (ro - 100) / 15 + 46 / 8.4 - g / 9; // (7-14)
  const z = 46 / 30 - g / 40; // (7-15)
  return 15 * Math.log10(1 + 10 ** y + 10 ** z);
}

/** Idte: talker echo (7-19). With T below 1 ms it is taken for sidetone, and counted there. */
function talkerEchoImpairment(p: EModelParameters, no: number, ist: number): number {
  const t = p.tMs;
  const terv = p.telr - 40 * Math.log10((1 + t / 10) / (1 + t / 150)) + 6 * Math.exp(-0.3 * t ** 2); // (7-22)
  const masked = p.stmr < 9 ? terv + ist / 2 : terv; // (7-23)
  const spread = -1.5 * (no - p.rlr) - (80 + 2.5 * (masked - 14)); // Roe − Re, (7-20) and (7-21)
  const idte = t < 1 ? 0 : (spread / 2 + Math.sqrt(spread ** 2 / 4 + 100) - 1) * (1 - Math.exp(-t));
  return p.stmr > 20 ? Math.hypot(idte, ist) : idte; // (7-24)
}

/** Idle: listener echo (7-25). */
function listenerEchoImpairment(p: EModelParameters, ro: number): number {
  const spread = ro - 10.5 * (p.wepl + 7) * (p.trMs + 1) ** -0.25; // Ro − Rle, (7-26)
  return spread / 2 + Math.sqrt(spread ** 2 / 4 + 169);
}

/** Idd: too long an absolute delay, even with perfect echo cancelling (7-27). */
function absoluteDelayImpairment(p: EModelParameters): number {
  if (p.taMs <= p.mtMs) return 0;
  const x = Math.log2(p.taMs / p.mtMs); // (7-28)
  const power = 6 * p.st;
  return 25 * ((1 + x ** power) ** (1 / power) - 3 * (1 + (x / 3) ** power) ** (1 / power) + 2);
}

/** Ie,eff: the codec, and packet loss (7-29). */
function effectiveEquipmentImpairment(p: EModelParameters): number {
  return p.ie + (95 - p.ie) * (p.pplPercent / (p.pplPercent / p.burstR + p.bpl));
}

/** Fewer packets than this cannot carry a loss ratio, and give no score. */
export const MINIMUM_SCORED_PACKETS = 100;

/** What is assumed of the receiver of a codec (ITU-T G.113 Appendix I). */
const CODECS = {
  'G.711': { ie: 0, bpl: 25.1, concealment: 'G.711 Appendix I' },
} as const;

export type ScoredCodec = keyof typeof CODECS;
export type DelaySource = 'measured one way' | 'half of the round trip';

export interface StreamMeasurement {
  readonly codec: ScoredCodec;
  /** Packets whose fate is known. */
  readonly packets: number;
  /** Packets lost / packets whose fate is known, 0 … 1; null when not known. */
  readonly lossRatio: number | null;
  /** Mean one-way delay, ms: better than the round trip where both are known. */
  readonly oneWayMs?: number | null;
  /** Mean round trip, ms. */
  readonly roundTripMs?: number | null;
  /** BurstR of the loss, when it was counted; random loss is assumed otherwise. */
  readonly burstR?: number | null;
}

/** What a score was computed from, to be printed beside it; null is what was missing. */
export interface ScoreInputs {
  readonly codec: ScoredCodec;
  /** The packet-loss concealment that is assumed. */
  readonly concealment: string;
  readonly ie: number;
  readonly bpl: number;
  /** Ta, and T; Tr is twice as much. Without the delay of codec and jitter buffer, which is not measured here. */
  readonly oneWayMs: number | null;
  readonly delaySource: DelaySource | null;
  readonly lossPercent: number | null;
  readonly burstR: number;
  readonly packets: number;
}

export interface StreamScore {
  readonly rFactor: number | null;
  readonly mos: number | null;
  readonly inputs: ScoreInputs;
  /** null where R is. */
  readonly terms: RTerms | null;
}

/**
 * R and MOS of a stream: G.107 with its defaults and T = Ta = Tr/2. Both are null with fewer than {@link MINIMUM_SCORED_PACKETS}
 * packets, or when delay or loss is not known. A burst ratio below 1 (loss more regular than chance) counts as 1, the least that
 * G.107 admits.
 */
export function scoreStream(measurement: StreamMeasurement): StreamScore {
  const { codec, packets, lossRatio } = measurement;
  const { oneWayMs, delaySource } = delayOf(measurement);
  const inputs: ScoreInputs = {
    codec,
    ...CODECS[codec],
    oneWayMs,
    delaySource,
    lossPercent: lossRatio === null ? null : lossRatio * 100,
    burstR: Math.max(1, measurement.burstR ?? 1),
    packets,
  };
  if (packets < MINIMUM_SCORED_PACKETS || oneWayMs === null || inputs.lossPercent === null) {
    return { rFactor: null, mos: null, inputs, terms: null };
  }
  const terms = rTerms({
    ie: inputs.ie,
    bpl: inputs.bpl,
    pplPercent: inputs.lossPercent,
    burstR: inputs.burstR,
    tMs: oneWayMs,
    taMs: oneWayMs,
    trMs: 2 * oneWayMs,
  });
  const r = sumOf(terms);
  return { rFactor: r, mos: mosFromR(r), inputs, terms };
}

function delayOf(measurement: StreamMeasurement): Pick<ScoreInputs, 'oneWayMs' | 'delaySource'> {
  const oneWayMs = measurement.oneWayMs ?? null;
  if (oneWayMs !== null) return { oneWayMs, delaySource: 'measured one way' };
  const roundTripMs = measurement.roundTripMs ?? null;
  if (roundTripMs !== null) return { oneWayMs: roundTripMs / 2, delaySource: 'half of the round trip' };
  return { oneWayMs: null, delaySource: null };
}
