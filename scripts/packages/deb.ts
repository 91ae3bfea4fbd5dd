/** The Debian package: the program in /usr/lib/rtplat, units that are neither enabled nor started, configuration in /etc/rtplat. */
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './lockfile.ts';
import type { Cpu } from './lockfile.ts';
import { addExtras, put } from './extras.ts';
import { run } from './fetch.ts';
import { digest, files, gzip, normalize, sizeOf } from './reproducible.ts';

const ARCHITECTURES: Readonly<Record<Cpu, string>> = { x64: 'amd64', arm64: 'arm64' };

export interface DebSettings {
  readonly app: string;
  readonly cpu: Cpu;
  /** Of package.json. */
  readonly version: string;
  /** Seconds since 1970. */
  readonly date: number;
  /** Compressed quickly rather than well, for tests. */
  readonly fast: boolean;
  /** Folder to write to. */
  readonly out: string;
}

/** @returns the path of the package. */
export function makeDeb(settings: DebSettings): string {
  const { app, cpu, date, out, fast } = settings;
  const version = `${settings.version.replace('-', '~')}-1`;
  const architecture = ARCHITECTURES[cpu];
  const root = path.join(path.dirname(app), `deb-${architecture}`);
  const at = (...parts: readonly string[]): string => path.join(root, ...parts);
  mkdirSync(at('usr/lib'), { recursive: true });
  cpSync(app, at('usr/lib/rtplat'), { recursive: true });
  mkdirSync(at('usr/bin'));
  symlinkSync('../lib/rtplat/bin/rtplat', at('usr/bin/rtplat'));
  addExtras({
    man: at('usr/share/man/man1'),
    bash: at('usr/share/bash-completion/completions/rtplat'),
    zsh: at('usr/share/zsh/vendor-completions/_rtplat'),
    fish: at('usr/share/fish/vendor_completions.d/rtplat.fish'),
    systemd: at('usr/lib/systemd/system'),
    backoff: at('usr/lib/rtplat/backoff.conf'),
    sysusers: at('usr/lib/sysusers.d/rtplat.conf'),
    polkit: at('usr/share/polkit-1/rules.d/rtplat.rules'),
    examples: at('usr/share/doc/rtplat/examples'),
    etc: at('etc/rtplat'),
  });
  addDocs(at, version, date);
  const template = path.join(ROOT, 'deploy', 'deb');
  for (const script of ['postinst', 'prerm', 'postrm']) put(at('DEBIAN', script), readFileSync(path.join(template, script)), 0o755);
  put(
    at('DEBIAN/conffiles'),
    readdirSync(at('etc/rtplat'))
      .map((name) => `/etc/rtplat/${name}\n`)
      .join(''),
  );
  const control = readFileSync(path.join(template, 'control'), 'utf8');
  const kilobytes = Math.ceil((sizeOf(root) - sizeOf(at('DEBIAN'))) / 1024);
  put(
    at('DEBIAN/control'),
    control.replace('@VERSION@', version).replace('@ARCHITECTURE@', architecture).replace('@SIZE@', String(kilobytes)),
  );
  // Configuration is not in it: dpkg knows that it may change.
  const packed = files(root).filter((file) => file.startsWith('usr/') && file !== 'usr/bin/rtplat');
  put(at('DEBIAN/md5sums'), packed.map((file) => `${digest('md5', at(file))}  ${file}\n`).join(''));
  normalize(root, date);
  const deb = path.join(out, `rtplat_${version}_${architecture}.deb`);
  const compression = fast ? ['-Zgzip', '-z1'] : ['-Zxz', '-z6', '--threads-max=1'];
  run('dpkg-deb', ['--root-owner-group', ...compression, '--build', root, deb], { SOURCE_DATE_EPOCH: String(date) });
  rmSync(root, { recursive: true });
  return deb;
}

/** Where Debian expects the licence, the history and the notices. */
function addDocs(at: (...parts: readonly string[]) => string, version: string, date: number): void {
  const doc = 'usr/share/doc/rtplat';
  const app = 'usr/lib/rtplat';
  put(at(doc, 'changelog.gz'), gzip(readFileSync(at(app, 'CHANGELOG.md'))));
  rmSync(at(app, 'CHANGELOG.md'));
  const when = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  const maintainer = /^Maintainer: (.*)$/m.exec(readFileSync(path.join(ROOT, 'deploy/deb/control'), 'utf8'))?.[1] ?? '';
  put(
    at(doc, 'changelog.Debian.gz'),
    gzip(
      `rtplat (${version}) unstable; urgency=medium\n\n  * The program as of this version; see changelog.gz.\n\n -- ${maintainer}  ${when}\n`,
    ),
  );
  put(at(doc, 'copyright'), readFileSync(path.join(ROOT, 'deploy/deb/copyright')));
  for (const name of ['README.md', 'THIRD-PARTY-NOTICES.txt', 'NODE-LICENSE']) renameSync(at(app, name), at(doc, name));
  put(at('usr/share/lintian/overrides/rtplat'), readFileSync(path.join(ROOT, 'deploy/deb/lintian-overrides')));
}
