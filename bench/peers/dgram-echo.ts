/**
 * The echo as one writes it with node:dgram in a minute, with a lookup that does not leave the tick.
 *
 *     node dgram-echo.ts PORT        on 127.0.0.1; prints one line when it listens; ends with SIGTERM
 */
import { createSocket } from 'node:dgram';

const port = Number(process.argv[2]);
const socket = createSocket({ type: 'udp4', lookup: (name, _options, done) => done(null, name, 4) });
socket.on('message', (packet, from) => socket.send(packet, from.port, from.address));
socket.bind(port, '127.0.0.1', () => {
  socket.setRecvBufferSize(2 * 1024 * 1024);
  socket.setSendBufferSize(2 * 1024 * 1024);
  process.stdout.write(`echo listening on ${port}\n`);
});
