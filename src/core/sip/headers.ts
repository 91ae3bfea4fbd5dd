/** The header fields of one message, in order. */
import { headerName, type HeaderName } from './headers-names.ts';
import { hasForbiddenControl, isToken, sliceTrimmed, splitAtCommas } from './scanner.ts';

/** Never changed, only replaced: messages made from others share them. */
interface Field {
  readonly name: HeaderName;
  readonly value: string;
}

/**
 * An ordered list of fields. Names are found whatever their case and form (`v`, `VIA` and `Via` are one). Values are unfolded,
 * without blanks around them, and hold no line break; what is set here is checked, and a RangeError says that the program
 * would have written a broken message.
 */
export class SipHeaders {
  readonly #fields: Field[] = [];
  #revision = 0;

  /** Goes up with every change: what was read from the fields holds as long as it stays. */
  get revision(): number {
    return this.#revision;
  }

  /** The first field of that name. */
  get(name: string): string | undefined {
    const { key } = headerName(name);
    for (const field of this.#fields) if (field.name.key === key) return field.value;
    return undefined;
  }

  /** Every field of that name, in order, commas untouched. */
  all(name: string): readonly string[] {
    const { key } = headerName(name);
    const values: string[] = [];
    for (const field of this.#fields) if (field.name.key === key) values.push(field.value);
    return values;
  }

  /** Every value of that name, in order: fields split at the commas outside of quotes and angle brackets. */
  values(name: string): readonly string[] {
    const { key } = headerName(name);
    const values: string[] = [];
    for (const field of this.#fields) if (field.name.key === key) values.push(...splitAtCommas(field.value));
    return values;
  }

  has(name: string): boolean {
    return this.#firstIndex(headerName(name).key) !== -1;
  }

  /** One field of that name, where the first of them stood, else at the end. */
  set(name: string, value: string): void {
    const field = checked(name, value);
    const first = this.#firstIndex(field.name.key);
    if (first === -1) {
      this.#insert(this.#fields.length, field);
      return;
    }
    this.#removeFrom(first + 1, field.name.key);
    this.#fields[first] = field;
    this.#revision += 1;
  }

  /** Behind the last of that name, else at the end. */
  add(name: string, value: string): void {
    const field = checked(name, value);
    let index = this.#fields.length;
    while (index > 0 && this.#fields[index - 1]?.name.key !== field.name.key) index -= 1;
    this.#insert(index === 0 ? this.#fields.length : index, field);
  }

  /** Before the first of that name, else before all others. */
  prepend(name: string, value: string): void {
    const field = checked(name, value);
    this.#insert(Math.max(0, this.#firstIndex(field.name.key)), field);
  }

  /** Takes every field of that name away. */
  delete(name: string): void {
    this.#removeFrom(0, headerName(name).key);
    this.#revision += 1;
  }

  /** Every field in order, by its long name. */
  *entries(): Generator<readonly [name: string, value: string], void> {
    for (const { name, value } of this.#fields) yield [name.name, value];
  }

  /** Appends the fields of that name that `source` has. */
  copy(name: string, source: SipHeaders): void {
    const { key } = headerName(name);
    for (const field of source.#fields) if (field.name.key === key) this.#fields.push(field);
    this.#revision += 1;
  }

  /** Appends a field as a parser found it: its value is unfolded, trimmed and free of forbidden controls already. */
  push(name: HeaderName, value: string): void {
    this.#fields.push({ name, value });
    this.#revision += 1;
  }

  #insert(index: number, field: Field): void {
    this.#fields.splice(index, 0, field);
    this.#revision += 1;
  }

  #firstIndex(key: string): number {
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i += 1) if (fields[i]?.name.key === key) return i;
    return -1;
  }

  /** Takes the fields with that key away, from `index` on. */
  #removeFrom(index: number, key: string): void {
    let kept = index;
    for (const field of this.#fields.slice(index)) {
      if (field.name.key === key) continue;
      this.#fields[kept] = field;
      kept += 1;
    }
    this.#fields.length = kept;
  }
}

function checked(name: string, value: string): Field {
  if (!isToken(name)) throw new RangeError(`not a header name: ${JSON.stringify(name)}`);
  if (hasForbiddenControl(value)) throw new RangeError(`a line break or NUL in ${name}: ${JSON.stringify(value)}`);
  return { name: headerName(name), value: sliceTrimmed(value, 0, value.length) };
}
