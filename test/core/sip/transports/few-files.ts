/** A transport in a process of its own, which a test gives few file descriptors. Prints its port. */
import { StreamTransport } from '../../../../src/core/sip/transports/stream.ts';

const transport = await StreamTransport.start(
  { local: { address: '127.0.0.1', port: 0 } },
  { admits: () => true, message: (_bytes, flow) => flow.send(new TextEncoder().encode('answer')), failed: () => undefined },
);
console.log(transport.local.port);
