/** Whom Asterisk is to call, as a user writes it. Pure. */
import { RtplatError } from '../errors.ts';
import { escapeControl } from '../values/terminal.ts';

const SCHEME = 'ari:';

export function isAriTarget(text: string): boolean {
  return text.trim().slice(0, SCHEME.length).toLowerCase() === SCHEME;
}

/** @returns what `Dial()` of the dialplan would take: `Local/600@callers`, `PJSIP/600@trunk`. @throws RtplatError `usage`. */
export function parseAriTarget(text: string): string {
  const endpoint = text.trim().slice(SCHEME.length);
  const slash = endpoint.indexOf('/');
  const whole = slash > 0 && slash < endpoint.length - 1;
  if (!whole || endpoint !== escapeControl(endpoint) || endpoint.includes(' ')) {
    throw new RtplatError('usage', `cannot call ${escapeControl(text.trim())}: it is no endpoint of an Asterisk`, {
      hint: 'write ari:TECHNOLOGY/RESOURCE, such as ari:Local/600@callers or ari:PJSIP/600@trunk',
    });
  }
  return endpoint;
}
