/** Asterisk's own RTP port range, which must not overlap the service's: both would bind the same ports of one host. Pure. */
import { formatPortRange, overlapOf, parsePort } from '../values/ports.ts';
import type { PortRange } from '../values/ports.ts';
import type { AriApi } from './api.ts';

/** What res_rtp_asterisk uses when rtp.conf says nothing. */
const BUILT_IN: PortRange = { first: 5_000, last: 31_000 };

/** The value of one setting of rtp.conf, through the dialplan function AST_CONFIG (module func_config). */
const setting = (name: string): string => `AST_CONFIG(rtp.conf,general,${name})`;

/**
 * Asks Asterisk. Functions are evaluated on a channel only, and before the first call there is none: an external media channel
 * is made for the question and hung up again. It carries no RTP, since it joins no bridge.
 *
 * @param channelId one of ours (`ids.ts`), so that what is left of it would be taken down like any other leaving.
 * @param externalHost as for a call; nothing is sent there.
 * @returns the range in force; undefined when Asterisk does not tell (func_config is not loaded). Rejects as a request does.
 */
export async function askRtpRange(api: AriApi, channelId: string, externalHost: string): Promise<PortRange | undefined> {
  await api.createExternalMedia(channelId, externalHost, 'ulaw');
  try {
    const [start, end] = await Promise.all([
      api.channelVariable(channelId, setting('rtpstart')),
      api.channelVariable(channelId, setting('rtpend')),
    ]);
    // A setting that rtp.conf does not make is answered like a function that does not exist.
    if ((start === undefined || end === undefined) && !(await api.hasModule('func_config.so'))) return undefined;
    const first = start === undefined ? BUILT_IN.first : parsePort(start);
    const last = end === undefined ? BUILT_IN.last : parsePort(end);
    return first === undefined || last === undefined || last < first ? undefined : { first, last };
  } finally {
    await api.hangUp(channelId, 'normal');
  }
}

/** The warning about an overlap; undefined when there is none. */
export function overlapWarning(own: PortRange, asterisk: PortRange): string | undefined {
  const both = overlapOf(own, asterisk);
  if (both === undefined) return undefined;
  return (
    `Warning: the range ${formatPortRange(own)} overlaps Asterisk's own RTP range ${formatPortRange(asterisk)} in ${formatPortRange(both)}: ` +
    'each takes ports from the other, and calls fail now and then; move rtpstart and rtpend in rtp.conf, or --range'
  );
}
