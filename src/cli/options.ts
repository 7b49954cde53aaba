import { type ParseArgsConfig, parseArgs } from 'node:util'
import { ParleyError } from '../wire/errors.ts'

type Options = NonNullable<ParseArgsConfig['options']>
type Values<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: false }>
>['values']

/**
 * The values of the options on a command line that has nothing else. Throws `ERR_USAGE` with one sentence on what is wrong;
 * an address that stands by itself lacks `addressOption` before it.
 */
export function parseOptions<O extends Options>(
  args: string[],
  options: O,
  addressOption: string,
): Values<O> {
  try {
    return parseArgs({ args, options, allowPositionals: false as const }).values
  } catch (cause) {
    const sentence = firstSentence(cause)
    const hint = sentence.includes("argument '/") ? `put ${addressOption} before it` : 'see --help'
    throw usageError(`${sentence}; ${hint}.`, cause)
  }
}

/** The values of the options on a command line, and what stands beside them. Throws `ERR_USAGE` with one sentence. */
export function parseArguments<O extends Options>(
  args: readonly string[],
  options: O,
): { values: Values<O>; positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true as const })
  } catch (cause) {
    throw usageError(`${firstSentence(cause)}; see --help.`, cause)
  }
}

/** node:util explains at length; its first sentence says what is wrong. */
function firstSentence(cause: unknown): string {
  const [sentence = 'The command line makes no sense'] = String((cause as Error).message).split(/\.\s|\.$/)
  return sentence
}

/** What is wrong with the command line, in one sentence. */
export function usageError(message: string, cause?: unknown): ParleyError {
  return new ParleyError('ERR_USAGE', message, { scope: 'host', cause })
}
