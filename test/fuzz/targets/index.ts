/** All targets, each loaded when it is asked for: what it imports is counted only from then on. */
import type { FuzzTarget } from '../target.ts';

type Loading = () => Promise<{ readonly target: FuzzTarget }>;

const LOADING: ReadonlyMap<string, Loading> = new Map<string, Loading>([
  ['rtp', () => import('./rtp.ts')],
  ['rtp-stream', () => import('./rtp-stream.ts')],
  ['rtcp', () => import('./rtcp.ts')],
  ['telephone-event', () => import('./telephone-event.ts')],
  ['dtmf-info', () => import('./dtmf-info.ts')],
  ['match-payload', () => import('./match-payload.ts')],
  ['match-audio', () => import('./match-audio.ts')],
  ['guard', () => import('./guard.ts')],
  ['sip-message', () => import('./sip-message.ts')],
  ['sip-stream', () => import('./sip-stream.ts')],
  ['sip-headers', () => import('./sip-headers.ts')],
  ['sip-digest', () => import('./sip-digest.ts')],
  ['sip-agent', () => import('./sip-agent.ts')],
  ['sdp', () => import('./sdp.ts')],
  ['ari-events', () => import('./ari-events.ts')],
  ['http', () => import('./http.ts')],
  ['event-stream', () => import('./event-stream.ts')],
  ['service', () => import('./service.ts')],
  ['capture', () => import('./capture.ts')],
  ['run-file', () => import('./run-file.ts')],
  ['report', () => import('./report.ts')],
  ['histogram', () => import('./histogram.ts')],
  ['wav', () => import('./wav.ts')],
  ['config', () => import('./config.ts')],
  ['gate', () => import('./gate.ts')],
  ['values', () => import('./values.ts')],
  ['targets', () => import('./targets.ts')],
  ['log', () => import('./log.ts')],
]);

export const TARGET_NAMES: readonly string[] = [...LOADING.keys()];

/** @throws Error that names all there are. */
export async function loadTarget(name: string): Promise<FuzzTarget> {
  const loading = LOADING.get(name);
  if (loading === undefined) throw new Error(`there is no target ${name}; there are: ${TARGET_NAMES.join(' ')}`);
  return (await loading()).target;
}
