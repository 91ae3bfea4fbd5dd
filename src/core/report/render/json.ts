/**
 * JSON as the commands print it: indented, one document, a line feed at its end. What a terminal would obey is escaped also where JSON
 * itself has no need of it: all of it stands in strings.
 */
export function renderJson(document: object): string {
  const text = JSON.stringify(document, undefined, 2);
  return `${text.replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
