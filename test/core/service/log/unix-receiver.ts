/** A datagram socket of this host that receives, by the calls that the batch engine has: the place of /dev/log. */
import { rmSync } from 'node:fs';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import { Heard } from './kit.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;

export interface UnixReceiver {
  readonly heard: Heard<string>;
  /** Takes the path away too. */
  close(): void;
}

/** @param reading false: what is sent stays in the socket, which is soon full. */
export function receiveAt(path: string, reading = true): UnixReceiver & { read(): void } {
  const libc = loadLibc();
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | 0o4000, 0);
  const name = Buffer.from(`\0\0${path}\0`);
  name.writeUInt16LE(AF_UNIX);
  if (libc.bind(fd, libc.addressOf(name), name.length) < 0) throw new Error(`bind ${path}: ${libc.errno()}`);
  const heard = new Heard<string>();
  const bytes = Buffer.alloc(65_536);
  const take = (): void => {
    for (;;) {
      const length = libc.read(fd, libc.addressOf(bytes), bytes.length);
      if (length < 0) return;
      heard.hear(bytes.toString('utf8', 0, length));
    }
  };
  let watch = reading ? libc.watch(fd, take) : undefined;
  return {
    heard,
    read: () => {
      watch ??= libc.watch(fd, take);
    },
    close: () => {
      watch?.close();
      libc.close(fd);
      rmSync(path);
    },
  };
}
