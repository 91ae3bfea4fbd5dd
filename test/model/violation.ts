/** Something that must never be. What the program under test catches is not lost: it is noted where it is made. */
export class Violation extends Error {
  static found: string[] = [];

  constructor(message: string) {
    super(message);
    Violation.found.push(message);
  }
}
