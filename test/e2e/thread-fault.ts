/**
 * Loaded into `rtplat` and its threads before anything else (`--import`): has a packet thread fail, as a fault of the program in it
 * would, at the second request of the kind that RTPLAT_TEST_FAULT names. A thread that is started again counts anew.
 */
import { syncBuiltinESMExports } from 'node:module';
import workerThreads from 'node:worker_threads';

interface Asked {
  readonly request: { readonly kind: string };
}

const kind = process.env['RTPLAT_TEST_FAULT'];

if (!workerThreads.isMainThread && kind !== undefined) {
  const receive = workerThreads.receiveMessageOnPort;
  let seen = 0;
  workerThreads.receiveMessageOnPort = (port) => {
    const next: { readonly message: readonly Partial<Asked>[] } | undefined = receive(port);
    seen += next?.message.filter(({ request }) => request?.kind === kind).length ?? 0;
    if (seen >= 2) throw new Error('an injected fault');
    return next;
  };
  syncBuiltinESMExports();
}
