import { answerOffer, createOffer, readAnswer } from '../../../src/core/sip/sdp-offer.ts';
import type { LocalMedia, NegotiatedMedia } from '../../../src/core/sip/sdp-offer.ts';
import { parseSdp } from '../../../src/core/sip/sdp.ts';
import { bytesOf, must, mustBeOneCleanLine } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const encoder = new TextEncoder();
const OURS: LocalMedia = {
  address: '192.0.2.1',
  port: 10_000,
  codecs: [
    { name: 'PCMU', clockRateHz: 8_000 },
    { name: 'PCMA', clockRateHz: 8_000 },
    { name: 'L16', clockRateHz: 16_000 },
  ],
  telephoneEvent: true,
  ptimeMs: 20,
  direction: 'sendrecv',
  sessionId: '1',
  version: 1,
};
const OFFER = createOffer(OURS);

export const target: FuzzTarget = {
  name: 'sdp',
  what: 'offers and answers of SIP peers: our answer can be read, has a line for each of theirs, and sends to a port that can be',
  code: ['sip/sdp.ts', 'sip/sdp-address.ts', 'sip/sdp-offer.ts'],
  mostBytes: 2_048,
  inputs: 200_000,
  seeds: () => [
    encoder.encode(OFFER.text),
    ...bytesOf(
      'v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:30\r\na=maxptime:60\r\na=sendonly\r\na=rtcp:4001 IN IP4 192.0.2.10\r\na=rtcp-mux\r\nm=video 0 RTP/AVP 31\r\n',
      'v=0\nc=IN IP6 2001:db8::1\nm=image 9 udptl t38\nm=audio 5000 RTP/SAVP 0\nm=audio 6000/2 RTP/AVP 96 97\na=rtpmap:96 L16/16000/1\nc=IN IP4 0.0.0.0\na=inactive\n',
      'm=audio 1 RTP/AVP 0\nc=IN IP4 224.0.0.1/127\na=recvonly\nc=IN IP4 host.example',
    ),
  ],
  check(input) {
    const parsed = parseSdp(input);
    if ('problem' in parsed) mustBeOneCleanLine(parsed.problem.replaceAll('\uFFFD', ''), 'the problem');
    else {
      for (const { port, formats, codecs, ptimeMs } of parsed.media) {
        must(port >= 0 && port <= 65_535 && formats.length > 0, 'a media line with', port, formats);
        must(ptimeMs === undefined || (Number.isInteger(ptimeMs) && ptimeMs > 0), 'ptime', ptimeMs);
        for (const { payloadType, clockRateHz } of codecs)
          must(payloadType >= 0 && payloadType <= 127 && clockRateHz > 0, 'a codec', payloadType);
      }
    }
    const answer = answerOffer(input, OURS);
    if ('status' in answer) must(!/[\r\n\0]/.test(answer.warning), 'a line break in the warning', answer.warning);
    else {
      const again = parseSdp(encoder.encode(answer.text));
      must('media' in again && 'media' in parsed && again.media.length === parsed.media.length, 'the answer has other lines', answer.text);
      must(again.media.filter(({ port }) => port > 0).length === 1, 'the answer accepts more than one', answer.text);
      mustWork(answer.media);
    }
    const read = readAnswer(OFFER, input);
    if ('media' in read) mustWork(read.media);
    else mustBeOneCleanLine(read.problem, 'the problem');
  },
};

function mustWork({ codec, dtmf, receive, ptimeMs, remote, rtcp }: NegotiatedMedia): void {
  for (const type of [codec.payloadType, dtmf, receive.payloadType, receive.dtmf])
    must(type === undefined || (type >= 0 && type <= 127), 'a payload type', type);
  must(ptimeMs >= 10 && ptimeMs <= 60 && ptimeMs % 10 === 0, 'ptime', ptimeMs);
  must(remote.port > 0 && remote.port <= 65_535 && remote.address !== '', 'sends to', remote);
  must(rtcp === undefined || (rtcp.port > 0 && rtcp.port <= 65_535), 'sends RTCP to', rtcp);
}
