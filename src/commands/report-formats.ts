/** The forms that `rtplat report` has: by name, and by how a file is called. */

export const FORMATS = ['table', 'json', 'markdown', 'junit', 'csv', 'prometheus', 'hgrm', 'html'] as const;
export type Format = (typeof FORMATS)[number];

/** Each format's file names. */
const ENDINGS: ReadonlyMap<string, Format> = new Map([
  ['.txt', 'table'],
  ['.json', 'json'],
  ['.md', 'markdown'],
  ['.xml', 'junit'],
  ['.csv', 'csv'],
  ['.prom', 'prometheus'],
  ['.hgrm', 'hgrm'],
  ['.html', 'html'],
]);

/** For messages: `.txt .json …`. */
export const KNOWN_ENDINGS: string = [...ENDINGS.keys()].join(' ');

/** By its ending, whose case does not matter; undefined for any other. */
export function formatOfFile(file: string): Format | undefined {
  const dot = file.lastIndexOf('.');
  return dot < 0 ? undefined : ENDINGS.get(file.slice(dot).toLowerCase());
}
