/** What the answer of a health endpoint means. */
import { failed, passed } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export interface HttpReply {
  readonly status: number;
  /** As far as it was read. */
  readonly body: string;
  readonly tookMs: number;
}

export interface HealthQuestion {
  readonly url: string;
  /** Whether the body has to be the health document of an rtplat service. */
  readonly document: boolean;
  /** What 503 means: that it cannot work now, which a restart seldom cures, or that it is to be started again. */
  readonly onUnhealthy: 'report' | 'restart';
}

/** Longer reasons are cut: they stand in a log line. */
const MOST_REASON = 300;

export function judgeHealth(question: HealthQuestion, { status, body, tookMs }: HttpReply): Verdict {
  const { url, document, onUnhealthy } = question;
  const read = readDocument(body);
  if (status === 503) {
    if (document && read === undefined) return failed('wrong_answer', `${url} answered 503 without a health document`);
    const why = read?.reason ?? 'it answered 503';
    return onUnhealthy === 'restart' ? failed('unhealthy', `${url} says: ${why}`) : passed(tookMs, why);
  }
  if (isRefusal(status)) return passed(tookMs, refusedBy(url, status));
  if (status < 200 || status > 299) return failed('wrong_answer', `${url} answered ${status}, not 200 or 503`);
  if (document && read?.status !== 'healthy') return failed('wrong_answer', `${url} answered ${status}, but not that it is healthy`);
  return passed(tookMs);
}

/** A service that wants a token or another name is up, and a restart would not bring it to answer us. */
function isRefusal(status: number): boolean {
  return status === 401 || status === 403 || status === 421;
}

function refusedBy(url: string, status: number): string {
  return `${url} answered ${status}: ${status === 401 ? 'name the file of its token in token_file' : 'ask for its numeric address'}`;
}

/** Any success will do. */
export function judgeHttp(url: string, { status, tookMs }: HttpReply): Verdict {
  if (isRefusal(status)) return passed(tookMs, refusedBy(url, status));
  return status >= 200 && status <= 299 ? passed(tookMs) : failed('wrong_answer', `${url} answered ${status}`);
}

function readDocument(body: string): { readonly status: string; readonly reason: string | null } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('status' in value) || typeof value.status !== 'string') return undefined;
  const reason = 'reason' in value && typeof value.reason === 'string' ? value.reason.slice(0, MOST_REASON) : null;
  return { status: value.status, reason };
}
