/**
 * `--config`, `--check`, `--print-config` of a command whose options are its configuration: a key of the file is the long name of an
 * option with underscores, `echo_port` for `--echo-port`, and takes what the option takes. Stronger than the file is the environment,
 * stronger than that are flags.
 */
import { InvalidArgumentError } from 'commander';
import type { Command, Option } from 'commander';
import type { ConfigOverride } from '../core/service/config/layers.ts';
import type { ConfigReading } from '../core/service/config/read.ts';
import type { ConfigSchema, Fields, Key, ValueType } from '../core/service/config/schema.ts';
import type { CommandIo } from './io.ts';
import { defaultTextOf, isRepeatable, option } from './options.ts';

/** Texts as they would stand behind the options, and whether a flag without a value is there. */
type OptionValue = string | boolean;
type OptionConfig = Readonly<Record<string, OptionValue>>;

/** What says how the others are read, and what only makes sense on a command line. */
const NO_KEYS: ReadonlySet<string> = new Set(['config', 'check', 'print-config', 'daemon']);

export interface ConfigCommandOptions {
  readonly config?: string;
  readonly check?: true;
  readonly printConfig?: true;
}

/** @param file what is in the file of `--config`. */
export function configOptions(file = 'TOML file; its keys are the long options with _ for -'): readonly Option[] {
  return [
    option('-c, --config <file>', file, { env: 'RTPLAT_CONFIG' }),
    option('--check', 'say everything that is wrong with the configuration, and end', {}),
    option('--print-config', 'print the configuration that applies, as TOML with comments, and end', {}),
  ];
}

/** Keeps what stood on the command line and in the environment, which commander forgets once it is parsed. */
export class OptionTexts {
  readonly #command: Command;
  readonly #texts = new Map<string, OptionValue>();

  /** @param command with all its options. */
  constructor(command: Command) {
    this.#command = command;
    for (const each of command.options) {
      const keep = (text: OptionValue | null | undefined): void => {
        const before = isRepeatable(each) ? this.#texts.get(each.name()) : undefined;
        this.#texts.set(each.name(), before === undefined ? (text ?? true) : `${String(before)}, ${String(text)}`);
      };
      command.on(`option:${each.name()}`, keep);
      command.on(`optionEnv:${each.name()}`, keep);
    }
  }

  /** Values of the file become values of the options; see {@link readOptionConfig}. @returns false when there is nothing left to do. */
  async configure(io: CommandIo): Promise<boolean> {
    const command = this.#command;
    const { config: file, check, printConfig: print } = command.opts<ConfigCommandOptions>();
    if (file === undefined && check !== true && print !== true) return true;
    const [{ mergeConfig, readConfig }, { readConfigText, tellReading }, { printConfig }] = await Promise.all([
      import('../core/service/config/read.ts'),
      import('./file-config.ts'),
      import('../core/service/config/print.ts'),
    ]);
    const schema = await schemaOf(command);
    const text = await readConfigText(file);
    const reading: ConfigReading<OptionConfig> = mergeConfig(readConfig(text, file ?? 'defaults', schema), this.#overrides());
    tellReading(io, reading);
    const { config } = reading;
    if (config === undefined) io.exit(2);
    else if (print === true) io.stdout.write(printConfig(schema, config));
    else if (check === true) io.stdout.write(`${file ?? 'the defaults'}: no problem found\n`);
    else {
      this.#apply(config);
      return true;
    }
    return false;
  }

  /** Each option that somebody has set, under the name of what set it. */
  #overrides(): readonly ConfigOverride<OptionConfig>[] {
    return keysOf(this.#command).flatMap((each) => {
      const source = this.#sourceOf(each);
      const value = this.#texts.get(each.name());
      if (value === undefined || (source !== 'cli' && source !== 'env')) return [];
      const origin = source === 'cli' ? `--${each.name()}` : (each.envVar ?? each.name());
      return [{ origin, values: { [keyOf(each)]: each.isBoolean() ? true : value } }];
    });
  }

  #apply(config: OptionConfig): void {
    for (const each of keysOf(this.#command)) {
      const source = this.#sourceOf(each);
      const value = config[keyOf(each)];
      if (source === 'cli' || source === 'env' || value === undefined || value === defaultTextOf(each)) continue;
      // A flag that is not there has no value at all.
      if (value !== false) this.#command.setOptionValueWithSource(each.attributeName(), parsed(each, value), 'config');
    }
  }

  #sourceOf(each: Option): string | undefined {
    return this.#command.getOptionValueSource(each.attributeName());
  }
}

function keysOf(command: Command): readonly Option[] {
  return command.options.filter((each) => !NO_KEYS.has(each.name()));
}

function keyOf(each: Option): string {
  return each.name().replaceAll('-', '_');
}

async function schemaOf(command: Command): Promise<ConfigSchema<OptionConfig>> {
  const { choice, text, yesOrNo } = await import('../core/service/config/value-types.ts');
  const words = text();
  const typeOf = (each: Option): ValueType<OptionValue> => {
    if (each.isBoolean()) return yesOrNo;
    if (each.argChoices !== undefined) return choice(each.argChoices);
    return argumentType(each, words);
  };
  const fields = Object.fromEntries(keysOf(command).map((each) => [keyOf(each), fieldOf(each, typeOf(each))]));
  return { title: `rtplat ${command.name()}`, fields: fields as unknown as Fields<OptionConfig>, check: () => {} };
}

/** Numbers may stand without quotes. */
function argumentType(each: Option, words: ValueType<string>): ValueType<OptionValue> {
  const expected = `what --${each.name()} takes`;
  return {
    expected,
    read: (raw) => {
      const read = words.read(typeof raw === 'number' ? String(raw) : raw);
      if (!('value' in read)) return { ...read, expected, raw };
      try {
        parsed(each, read.value);
        return read;
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        return { expected, raw, hint: error.message, at: [] };
      }
    },
    print: (value) => (typeof value === 'string' && isNumber(value) ? value : words.print(String(value))),
    jsonSchema: { type: ['string', 'number'] },
  };
}

function fieldOf(each: Option, type: ValueType<OptionValue>): Key<OptionValue> {
  const standard = each.isBoolean() ? false : defaultTextOf(each);
  return {
    kind: 'key',
    presence: standard === undefined ? 'optional' : 'default',
    type,
    default: standard,
    example: standard ?? `(${each.flags.slice(each.flags.indexOf('<') + 1, -1)})`,
    doc: `${each.description.slice(0, 1).toUpperCase()}${each.description.slice(1)}.`,
    reloadable: false,
    secret: false,
  };
}

function parsed(each: Option, value: OptionValue): unknown {
  return each.parseArg === undefined || typeof value === 'boolean' ? value : each.parseArg(value, undefined);
}

/** Written so, TOML has the same text as a number. */
function isNumber(text: string): boolean {
  return text !== '' && String(Number(text)) === text && Number.isFinite(Number(text));
}
