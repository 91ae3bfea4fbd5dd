import { parseCSeq, parseNameAddr, parseVia } from '../../../src/core/sip/headers-values.ts';
import { splitAtCommas } from '../../../src/core/sip/scanner.ts';
import { formatUri, parseUri, sameUri } from '../../../src/core/sip/uri.ts';
import { bytesOf, must, mustEqual, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

export const target: FuzzTarget = {
  name: 'sip-headers',
  what: 'SIP URIs, Via, From, CSeq and lists: a URI written and read again is the same, the parts of a list are the list',
  code: ['sip/headers-values.ts', 'sip/uri.ts', 'sip/scanner.ts'],
  mostBytes: 600,
  inputs: 900_000,
  seeds: () =>
    bytesOf(
      'sip:alice:secret@[2001:db8::1]:5061;transport=tls;lr?subject=a%20b&x=y',
      'sips:%41%00@h;maddr=192.0.2.1;ttl=3',
      'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport;received=192.0.2.2, SIP / 2.0 / TLS h : 5061 ;x="a\\"b"',
      '"A \\"B\\" C" <sip:a@b;x>;tag=1;y="z;,"',
      'Alice <tel:+1>;tag=88',
      'sip:a@b;tag=3',
      '4711 INVITE',
      '<sip:a,b@c>, "x, y" <sip:d@e>;q=0.1 ,, z',
    ),
  check(input) {
    const text = textOf(input);
    const uri = parseUri(text);
    if (uri !== undefined) {
      const written = formatUri(uri);
      const again = parseUri(written);
      must(again !== undefined, 'a URI of ours is none:', written);
      mustEqual(again, uri, 'a URI written and read again');
      must(sameUri(uri, again), 'a URI is not itself', written);
    }
    const via = parseVia(text);
    if (via !== undefined) must(via.port === undefined || (via.port >= 0 && via.port <= 65_535), 'a port of', via.port);
    const address = parseNameAddr(text);
    if (address !== undefined) must(!/[ \t\r\n<>]/.test(address.uri) && address.uri !== '', 'an address in an address', address.uri);
    const cseq = parseCSeq(text);
    if (cseq !== undefined) mustEqual(parseCSeq(`${cseq.number} ${cseq.method}`), cseq, 'CSeq');
    const parts = splitAtCommas(text);
    for (const part of parts)
      mustEqual(part, part.trim() === '' ? part : part.replace(/^[ \t]+|[ \t]+$/g, ''), 'a part has blanks around it');
    must(parts.join(',').length <= text.length, 'the parts are more than the list', parts);
  },
};
