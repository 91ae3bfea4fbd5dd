/**
 * The 49 torture messages of RFC 4475, one file each, byte for byte as they go over the wire. They are named as the RFC names
 * them. One byte pair is not as in the archive of its Appendix A: there, baddn lacks the empty line that ends its headers.
 */
import { readFileSync } from 'node:fs';

/** A status; `ok`: a success; `none`: nothing is sent. */
export type TortureAnswer = number | 'ok' | 'none';

export interface TortureMessage {
  readonly section: string;
  readonly name: string;
  /** What the section is called. */
  readonly title: string;
  /** Whether the message is well-formed, whatever it asks for. */
  readonly valid: boolean;
  /** What a parser of messages says: which kind it is, or the status of what is wrong with it. */
  readonly parsed: 'request' | 'response' | number;
  /** What a user agent server answers that has calls and no registrar, and has got it in a datagram. */
  readonly answer: TortureAnswer;
  /** Other answers that the RFC finds right as well. */
  readonly or?: readonly TortureAnswer[];
  readonly bytes: Uint8Array;
}

type Row = readonly [
  section: string,
  name: string,
  title: string,
  valid: boolean,
  parsed: 'request' | 'response' | number,
  answer: TortureAnswer,
  or?: readonly TortureAnswer[],
];

const ROWS: readonly Row[] = [
  ['3.1.1.1', 'wsinv', 'A Short Tortuous INVITE', true, 'request', 'ok'],
  ['3.1.1.2', 'intmeth', 'Wide Range of Valid Characters', true, 'request', 501],
  ['3.1.1.3', 'esc01', 'Valid Use of the % Escaping Mechanism', true, 'request', 'ok'],
  // REGISTER is 405 to who is no registrar, here and below (RFC 3261 §8.2.1).
  ['3.1.1.4', 'escnull', 'Escaped Nulls in URIs', true, 'request', 405],
  ['3.1.1.5', 'esc02', 'Use of % When It Is Not an Escape', true, 'request', 501],
  ['3.1.1.6', 'lwsdisp', 'Message with No LWS between Display Name and <', true, 'request', 'ok'],
  ['3.1.1.7', 'longreq', 'Long Values in Header Fields', true, 'request', 'ok'],
  ['3.1.1.8', 'dblreq', 'Extra Trailing Octets in a UDP Datagram', true, 'request', 405],
  ['3.1.1.9', 'semiuri', 'Semicolon-Separated Parameters in URI User Part', true, 'request', 'ok'],
  ['3.1.1.10', 'transports', 'Varied and Unknown Transport Types', true, 'request', 'ok'],
  ['3.1.1.11', 'mpart01', 'Multipart MIME Message', true, 'request', 405],
  ['3.1.1.12', 'unreason', 'Unusual Reason Phrase', true, 'response', 'none'],
  ['3.1.1.13', 'noreason', 'Empty Reason Phrase', true, 'response', 'none'],

  ['3.1.2.1', 'badinv01', 'Extraneous Header Field Separators', false, 400, 400],
  ['3.1.2.2', 'clerr', 'Content Length Larger Than Message', false, 400, 400],
  ['3.1.2.3', 'ncl', 'Negative Content-Length', false, 400, 400],
  ['3.1.2.4', 'scalar02', 'Request Scalar Fields with Overlarge Values', false, 400, 400],
  ['3.1.2.5', 'scalarlg', 'Response Scalar Fields with Overlarge Values', false, 400, 'none'],
  ['3.1.2.6', 'quotbal', 'Unterminated Quoted String in Display Name', false, 400, 400],
  ['3.1.2.7', 'ltgtruri', '<> Enclosing Request-URI', false, 400, 400, ['ok']],
  ['3.1.2.8', 'lwsruri', 'Malformed SIP Request-URI (embedded LWS)', false, 400, 400, ['ok']],
  ['3.1.2.9', 'lwsstart', 'Multiple SP Separating Request-Line Elements', false, 400, 400, ['ok']],
  ['3.1.2.10', 'trws', 'SP Characters at End of Request-Line', false, 400, 400, ['ok']],
  ['3.1.2.11', 'escruri', 'Escaped Headers in SIP Request-URI', false, 400, 400, ['ok']],
  // To be refused only by who needs the date.
  ['3.1.2.12', 'baddate', 'Invalid Time Zone in Date Header Field', false, 'request', 'ok', [400]],
  // What a Contact says is looked at by who needs it; the method comes first (RFC 3261 §8.2).
  ['3.1.2.13', 'regbadct', 'Failure to Enclose name-addr URI in <>', false, 'request', 405, [400]],
  ['3.1.2.14', 'badaspec', 'Spaces within addr-spec', false, 400, 400, ['ok']],
  ['3.1.2.15', 'baddn', 'Non-token Characters in Display Name', false, 400, 400, ['ok']],
  ['3.1.2.16', 'badvers', 'Unknown Protocol Version', false, 505, 505],
  ['3.1.2.17', 'mismatch01', 'Start Line and CSeq Method Mismatch', false, 400, 400],
  ['3.1.2.18', 'mismatch02', 'Unknown Method with CSeq Method Mismatch', false, 'request', 501, [400]],
  ['3.1.2.19', 'bigcode', 'Overlarge Response Code', false, 400, 'none'],

  ['3.2.1', 'badbranch', 'Missing Transaction Identifier', true, 'request', 'ok', [400]],

  ['3.3.1', 'insuf', 'Missing Required Header Fields', false, 400, 400],
  ['3.3.2', 'unkscm', 'Request-URI with Unknown Scheme', true, 'request', 416],
  ['3.3.3', 'novelsc', 'Request-URI with Known but Atypical Scheme', true, 'request', 416, [404]],
  ['3.3.4', 'unksm2', 'Unknown URI Schemes in Header Fields', true, 'request', 405, [400]],
  ['3.3.5', 'bext01', 'Proxy-Require and Require', true, 'request', 420],
  ['3.3.6', 'invut', 'Unknown Content-Type', true, 'request', 415],
  ['3.3.7', 'regaut01', 'Unknown Authorization Scheme', true, 'request', 405, [401, 403]],
  ['3.3.8', 'multi01', 'Multiple Values in Single Value Required Fields', false, 400, 400],
  ['3.3.9', 'mcl01', 'Multiple Content-Length Values', false, 400, 400],
  // The second Via would send it on to everybody. A user agent drops every response that has two (RFC 3261 §8.1.3.3).
  ['3.3.10', 'bcast', '200 OK Response with Broadcast Via Header Field Value', true, 'response', 'none'],
  ['3.3.11', 'zeromf', 'Max-Forwards of Zero', true, 'request', 'ok'],
  ['3.3.12', 'cparam01', 'REGISTER with a Contact Header Parameter', true, 'request', 405],
  ['3.3.13', 'cparam02', 'REGISTER with a url-parameter', true, 'request', 405],
  ['3.3.14', 'regescrt', 'REGISTER with a URL Escaped Header', true, 'request', 405],
  ['3.3.15', 'sdp01', 'Unacceptable Accept Offering', true, 'request', 406],

  ['3.4.1', 'inv2543', 'INVITE with RFC 2543 Syntax', true, 'request', 'ok', [400]],
];

export const TORTURE_MESSAGES: readonly TortureMessage[] = ROWS.map(([section, name, title, valid, parsed, answer, or = []]) => ({
  section,
  name,
  title,
  valid,
  parsed,
  answer,
  or,
  bytes: new Uint8Array(readFileSync(new URL(`${name}.dat`, import.meta.url))),
}));

/** @throws when there is none of that name. */
export function tortureMessage(name: string): TortureMessage {
  const message = TORTURE_MESSAGES.find((each) => each.name === name);
  if (message === undefined) throw new RangeError(`RFC 4475 has no ${name}`);
  return message;
}
