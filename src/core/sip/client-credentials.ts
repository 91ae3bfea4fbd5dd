/** The credentials of a call that we place: challenges that it meets, and what answers them (RFC 3261 §22.2, §22.3). Pure. */
import { answerChallenge, parseChallenges } from './digest.ts';
import type { DigestCredentials, DigestSession, DigestTools } from './digest.ts';
import type { SipResponse } from './message.ts';

type CredentialsField = 'Authorization' | 'Proxy-Authorization';

/** A proxy and a server, each with one nonce that has become too old; and no endless argument. */
const MOST_ANSWERS = 4;

export class ClientCredentials {
  readonly #credentials: DigestCredentials | undefined;
  readonly #tools: DigestTools;
  readonly #sessions = new Map<CredentialsField, DigestSession>();
  #answers = 0;

  /** @param credentials undefined where there are none: every challenge is refused then. */
  constructor(credentials: DigestCredentials | undefined, tools: DigestTools) {
    this.#credentials = credentials;
    this.#tools = tools;
  }

  /** @returns undefined when the request is to be sent again, else one line that says why it need not be. */
  challenged(response: SipResponse): string | undefined {
    const proxy = response.status === 407;
    if (this.#credentials === undefined) return 'the far end asks for a user name and a password, and none were given';
    const field = proxy ? 'Proxy-Authorization' : 'Authorization';
    const challenges = response.headers.all(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate').flatMap(parseChallenges);
    const answer = answerChallenge(challenges, this.#credentials, this.#tools);
    if ('reason' in answer) return `the challenge of the far end cannot be answered: ${answer.reason}`;
    const before = this.#sessions.get(field);
    const { session } = answer;
    if (before !== undefined && (!session.stale || session.nonce === before.nonce))
      return 'the far end refuses the user name or the password';
    if (this.#answers === MOST_ANSWERS) return 'the far end asks for credentials again and again';
    this.#answers += 1;
    this.#sessions.set(field, session);
    return undefined;
  }

  /** Fields for the next request. */
  fields(method: string, uri: string): readonly (readonly [string, string])[] {
    return [...this.#sessions].map(([field, session]) => [field, session.authorize(method, uri)] as const);
  }
}
