/**
 * A round-trip client as one writes it with node:dgram in ten minutes: RTP-sized packets at their deadlines by setTimeout, the
 * clock read before the send and in the 'message' handler.
 *
 *     node dgram-client.ts PORT PACKETS_PER_SECOND PACKETS        to 127.0.0.1; prints the round trips as one JSON array, ns,
 *                                                                 null when lost
 */
import { createSocket } from 'node:dgram';

const RTP_BYTES = 172;
const GRACE_MS = 500;

const [port = 0, packetsPerSecond = 0, packets = 0] = process.argv.slice(2).map(Number);
const intervalMs = 1000 / packetsPerSecond;
const packet = Buffer.alloc(RTP_BYTES, 0xff);
packet.writeUInt16BE(0x8000, 0);
const sentNs: bigint[] = [];
const roundTripsNs: (number | null)[] = Array.from({ length: packets }, () => null);
let answers = 0;
let grace: NodeJS.Timeout | undefined;

const socket = createSocket('udp4');
socket.on('message', (answer) => {
  const atNs = process.hrtime.bigint();
  const sequence = answer.readUInt16BE(2);
  const leftNs = sentNs[sequence];
  if (leftNs === undefined || roundTripsNs[sequence] !== null) return;
  roundTripsNs[sequence] = Number(atNs - leftNs);
  answers += 1;
  if (answers === packets) finish();
});

function finish(): void {
  clearTimeout(grace);
  socket.close();
  process.stdout.write(`${JSON.stringify(roundTripsNs)}\n`);
}

socket.connect(port, '127.0.0.1', () => {
  const startMs = performance.now() + intervalMs;
  const next = (): void => {
    const sequence = sentNs.length;
    packet.writeUInt16BE(sequence, 2);
    sentNs.push(process.hrtime.bigint());
    socket.send(packet);
    if (sentNs.length === packets) grace = setTimeout(finish, GRACE_MS);
    else setTimeout(next, startMs + sentNs.length * intervalMs - performance.now());
  };
  setTimeout(next, intervalMs);
});
