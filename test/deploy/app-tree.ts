/** A program to pack that is quickly packed: a few bytes in the shape of the real one, which takes its Node from the registry. */
import { chmodSync } from 'node:fs';
import path from 'node:path';
import { put } from '../../scripts/packages/extras.ts';

/** @param folder that it is written to. @returns it. */
export function smallApp(folder: string, version = '1.0.0'): string {
  const texts = ['CHANGELOG.md', 'README.md', 'THIRD-PARTY-NOTICES.txt', 'NODE-LICENSE'];
  for (const name of texts) put(path.join(folder, name), `${name}\n`);
  put(path.join(folder, 'dist/bin/rtplat.js'), `console.log('${version}');\n`);
  put(path.join(folder, 'bin/node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  put(
    path.join(folder, 'bin/rtplat'),
    '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\nexec "$here/node" "$here/../dist/bin/rtplat.js" "$@"\n',
  );
  for (const name of ['node', 'rtplat']) chmodSync(path.join(folder, 'bin', name), 0o755);
  return folder;
}
