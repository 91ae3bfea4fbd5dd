/** Sends the packets of a probe through the descriptors of its sockets, one system call each: they belong to as many streams. */
import { SrtpSender } from '../srtp/sender.ts';
import type { SrtpKey } from '../srtp/suites.ts';
import type { TokenKey } from '../echo/token.ts';
import { nowNs } from '../udp/clock.ts';
import { EAGAIN, ECONNREFUSED, EINTR, MSG_DONTWAIT, POLLOUT } from '../udp/batch/layout.ts';
import type { Libc } from '../udp/batch/libc.ts';
import type { PacerMemory } from './pacer-memory.ts';
import type { Schedule } from './schedule.ts';
import { silentPacket } from './source.ts';
import type { ProbeAudio, StreamSource } from './source.ts';

/** A socket whose buffer is full is waited for this long, once, before its packet is refused. */
const FULL_WAIT_MS = 5;
/** A pending error belongs to an earlier datagram: the send is tried again, but not for ever. */
const MOST_RETRIES = 8;

export interface PacketSenderOptions {
  readonly libc: Libc;
  readonly memory: PacerMemory;
  readonly schedule: Schedule;
  readonly sources: readonly StreamSource[];
  readonly ptimeNs: number;
  readonly audio?: ProbeAudio | undefined;
  /** Ask the far end for its times. */
  readonly oneWay?: true | undefined;
  /** Signs each packet, where it is to be signed. */
  readonly token?: TokenKey | undefined;
  /** Encrypts them. */
  readonly srtp?: SrtpKey | undefined;
}

export class PacketSender {
  readonly #libc: Libc;
  readonly #memory: PacerMemory;
  readonly #schedule: Schedule;
  readonly #sources: readonly StreamSource[];
  readonly #packet: Uint8Array;
  readonly #token: TokenKey | undefined;
  readonly #srtp: SrtpSender | undefined;
  /** What goes out: the packet, or what it is encrypted to. */
  readonly #wire: Uint8Array;
  readonly #wireAddress: number;
  /** struct pollfd: descriptor (int), events, revents (short each). */
  readonly #pollfd = new Int32Array(2);
  readonly #pollfdAddress: number;
  #stream = 0;
  #index = 0;
  #fd = -1;

  constructor({ libc, memory, schedule, sources, ptimeNs, audio, oneWay, token, srtp }: PacketSenderOptions) {
    this.#libc = libc;
    this.#memory = memory;
    this.#schedule = schedule;
    this.#sources = sources;
    this.#packet = silentPacket(ptimeNs, audio, oneWay);
    this.#token = token;
    this.#srtp = srtp === undefined ? undefined : new SrtpSender(srtp, this.#packet.length);
    this.#wire = this.#srtp?.packet ?? this.#packet;
    this.#wireAddress = libc.addressOf(this.#wire);
    this.#pollfdAddress = libc.addressOf(new Uint8Array(this.#pollfd.buffer));
  }

  /** Makes packet `n` of all streams together. */
  prepare(n: number): void {
    this.#stream = this.#schedule.streamOf(n);
    this.#index = this.#schedule.indexOf(n);
    this.#fd = this.#memory.fds[this.#stream] as number;
    const source = this.#sources[this.#stream] as StreamSource;
    source.write(this.#packet, this.#index);
    this.#token?.sign(this.#packet);
    this.#srtp?.protect(this.#packet, source.ssrc, source.countedSequenceOf(this.#index));
  }

  /** Sends packet `n`, which was made last. Announced first. */
  send(n: number): void {
    this.#memory.announceSent(n, nowNs());
    if (this.#libc.send(this.#fd, this.#wireAddress, this.#wire.length, MSG_DONTWAIT) < 0) this.#insist();
  }

  /** The first try of a packet failed. */
  #insist(): void {
    let retries = 0;
    let waited = false;
    do {
      const errno = this.#libc.errno();
      if (errno === EINTR) continue;
      this.#memory.loseNumbers(this.#stream, this.#index);
      if (errno === ECONNREFUSED && retries < MOST_RETRIES) {
        retries += 1;
        this.#memory.unreachable();
      } else if (errno === EAGAIN && !waited) {
        waited = true;
        this.#waitForRoom();
      } else {
        this.#memory.refuse(this.#stream, errno);
        return;
      }
    } while (this.#libc.send(this.#fd, this.#wireAddress, this.#wire.length, MSG_DONTWAIT) < 0);
  }

  #waitForRoom(): void {
    this.#pollfd[0] = this.#fd;
    this.#pollfd[1] = POLLOUT;
    this.#libc.poll(this.#pollfdAddress, 1, FULL_WAIT_MS);
  }
}
