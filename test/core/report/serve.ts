/** A small HTTP server on loopback that answers paths with fixed texts. */
import { createServer } from 'node:http';

export interface Answer {
  readonly status?: number;
  readonly body: string;
}

export interface TestServer {
  readonly url: string;
  /** Accept headers of the requests so far. */
  readonly accepted: readonly string[];
  stop(): Promise<void>;
}

/** @param answers by path; `undefined` never answers, a path that is not there is 404. */
export async function serve(answers: Readonly<Record<string, Answer | undefined>>): Promise<TestServer> {
  const accepted: string[] = [];
  const server = createServer((request, response) => {
    accepted.push(request.headers.accept ?? '');
    const path = request.url ?? '';
    if (!(path in answers)) {
      response.writeHead(404).end();
      return;
    }
    const answer = answers[path];
    if (answer !== undefined) response.writeHead(answer.status ?? 200).end(answer.body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    accepted,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
