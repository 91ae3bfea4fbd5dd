/** JSON as the commands print it: indented, one document, a line feed at its end. */
export function renderJson(document: object): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
