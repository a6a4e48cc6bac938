/** A function as its ABI names it: from a line of text, or from an entry of a JSON ABI (Solidity documentation, "Contract ABI Specification"). */
import type { AbiError, AbiFragment } from '@countersign/contracts'

export interface AbiType {
  /** Canonical, with its brackets; `tuple` for a struct. */
  readonly type: string
  /** Of a struct. */
  readonly components?: readonly AbiType[]
}

export interface AbiFunction {
  /** `mint(address,uint256)`: what the selector is made from. */
  readonly signature: string
  readonly inputs: readonly AbiType[]
}

const elementary = /^(address|bool|string|bytes([1-9]|[12]\d|3[0-2])?|u?int(8|16|24|32|40|48|56|64|72|80|88|96|104|112|120|128|136|144|152|160|168|176|184|192|200|208|216|224|232|240|248|256)?)$/
const brackets = /^(\[[0-9]{0,4}\]){0,4}$/
const afterwards = /^(\s*(external|public|payable|nonpayable|view|pure)\b)*(\s*returns\s*\([^]*\))?\s*;?\s*$/
const deepest = 8

export const isAbiError = (fragment: AbiFragment | AbiError): fragment is AbiError => typeof fragment === 'string' ? /^error\s/.test(fragment) : fragment.type === 'error'

/** An error is written, selected and encoded as a function is. @returns undefined for what names none. */
export function abiFunctionOf (fragment: AbiFragment | AbiError): AbiFunction | undefined {
  if (typeof fragment === 'string') return fromText(fragment.replace(/^error\s+/, ''))
  const inputs = typesOf(fragment.inputs)
  return inputs === undefined ? undefined : { signature: signatureOf(fragment.name, inputs), inputs }
}

const signatureOf = (name: string, inputs: readonly AbiType[]): string => `${name}(${inputs.map(canonical).join(',')})`
const canonical = ({ type, components }: AbiType): string => components === undefined ? type : `(${components.map(canonical).join(',')})${type.slice('tuple'.length)}`

const typesOf = (given: readonly unknown[], depth = 0): AbiType[] | undefined => {
  const types = given.map((one) => typeOf(one as { type?: unknown, components?: unknown } | null, depth))
  return types.every((type) => type !== undefined) ? types : undefined
}

function typeOf (given: { readonly type?: unknown, readonly components?: unknown } | null, depth: number): AbiType | undefined {
  if (typeof given?.type !== 'string' || depth > deepest) return undefined
  const components = Array.isArray(given.components) ? typesOf(given.components, depth + 1) : undefined
  const base = /^[a-z0-9]*/.exec(given.type)?.[0] ?? ''
  return made(base, given.type.slice(base.length), components)
}

function made (base: string, suffix: string, components: readonly AbiType[] | undefined): AbiType | undefined {
  if (!brackets.test(suffix)) return undefined
  if (base === 'tuple') return components === undefined ? undefined : { type: `tuple${suffix}`, components }
  return elementary.test(base) ? { type: `${base === 'uint' || base === 'int' ? `${base}256` : base}${suffix}` } : undefined
}

/** `mint(address to, uint256 amount)`, with or without `function`, names and what follows the parameters. */
function fromText (text: string): AbiFunction | undefined {
  const tokens = [...text.replace(/^function\s+/, '').matchAll(/[A-Za-z_$][A-Za-z0-9_$]*|\[[0-9]{0,4}\]|[(),]|\S/g)]
  let at = 0
  const peek = (): string => tokens[at]?.[0] ?? ''
  const take = (): string => tokens[at++]?.[0] ?? ''

  const parameters = (depth: number): AbiType[] | undefined => {
    if (take() !== '(' || depth > deepest) return undefined
    const types: AbiType[] = []
    if (peek() === ')') { at++; return types }
    for (;;) {
      const type = parameter(depth)
      if (type === undefined) return undefined
      types.push(type)
      const next = take()
      if (next === ')') return types
      if (next !== ',') return undefined
    }
  }
  const parameter = (depth: number): AbiType | undefined => {
    const base = peek() === '(' ? 'tuple' : take()
    const components = peek() === '(' ? parameters(depth + 1) : undefined
    let suffix = ''
    while (peek().startsWith('[')) suffix += take()
    if (/^(calldata|memory|payable)$/.test(peek())) at++
    if (/^[A-Za-z_$]/.test(peek())) at++
    return made(base, suffix, components)
  }

  const name = take()
  const inputs = /^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/.test(name) ? parameters(0) : undefined
  if (inputs === undefined) return undefined
  const rest = tokens.slice(at).map(([token]) => token).join(' ')
  return afterwards.test(rest) ? { signature: signatureOf(name, inputs), inputs } : undefined
}
