/** A connected datagram socket of this host (unix(7)), which Node cannot open. It never blocks. */
import { getSystemErrorName } from 'node:util';
import { MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from '../../udp/batch/layout.ts';
import { loadLibc } from '../../udp/batch/libc.ts';
import type { Libc } from '../../udp/batch/libc.ts';

const AF_UNIX = 1;
/** Else a receiver that goes would end this process by SIGPIPE. */
const MSG_NOSIGNAL = 0x4000;

export class UnixDatagramSocket {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #bytes: Buffer;
  readonly #address: number;

  private constructor(libc: Libc, fd: number, most: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#bytes = Buffer.alloc(most);
    this.#address = libc.addressOf(this.#bytes);
  }

  /**
   * @param path or `@NAME` of an abstract socket. @param most bytes of a datagram. @returns the name of the error where nobody receives there.
   * @throws BatchUnavailable where there is no foreign function interface.
   */
  static connect(path: string, most: number): UnixDatagramSocket | string {
    const libc = loadLibc();
    const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return nameOf(libc.errno());
    // struct sockaddr_un: family (u16), path with the zero byte that ends it; an abstract name begins with one, and ends with the structure.
    const name = Buffer.from(path.startsWith('@') ? `\0\0\0${path.slice(1)}` : `\0\0${path}\0`);
    name.writeUInt16LE(AF_UNIX);
    if (libc.connect(fd, libc.addressOf(name), name.length) < 0) {
      const failure = nameOf(libc.errno());
      libc.close(fd);
      return failure;
    }
    return new UnixDatagramSocket(libc, fd, most);
  }

  /** @returns the name of the error; undefined when the datagram is on its way. What is too long is cut. */
  send(text: string): string | undefined {
    const length = this.#bytes.write(text);
    const sent = this.#libc.send(this.#fd, this.#address, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? nameOf(this.#libc.errno()) : undefined;
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}

function nameOf(errno: number): string {
  return getSystemErrorName(-errno);
}
