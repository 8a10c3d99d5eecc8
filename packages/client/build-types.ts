// Declarations of the published client. The protocol's types are derived from schemas by a library; here each one that the
// client names is written out as what it is, so that whoever uses the package installs nothing for its types.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import ts from 'typescript'

const ENTRIES = [
  'client/src/index.ts',
  'client/src/browser/index.ts',
  'client/src/testing/index.ts',
  'kernel/src/index.ts',
]
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  declaration: true,
  emitDeclarationOnly: true,
  rewriteRelativeImportExtensions: true,
}

/** `packagesDir` is the folder of the workspaces; writes `outDir`/client, kernel and protocol. */
export async function emitDeclarations(packagesDir: string, outDir: string): Promise<void> {
  const entries = ENTRIES.map((entry) => path.join(packagesDir, entry))
  const program = ts.createProgram(entries, { ...OPTIONS, rootDir: packagesDir, outDir })
  program.emit()
  await rm(path.join(outDir, 'protocol'), { recursive: true, force: true })
  const files = (await readdir(outDir, { recursive: true })).filter((name) => name.endsWith('.d.ts'))
  const used = new Set<string>()
  for (const name of files) {
    const file = path.join(outDir, name)
    const text = await readFile(file, 'utf8')
    for (const imported of namesImported(text)) used.add(imported)
    await writeFile(file, localise(text, path.relative(path.dirname(file), outDir)))
  }
  await mkdir(path.join(outDir, 'protocol'))
  const protocol = path.join(packagesDir, 'protocol/src/index.ts')
  await writeFile(path.join(outDir, 'protocol/index.d.ts'), writeOut(program, protocol, [...used].sort()))
}

/** What a declaration file takes from the protocol. */
function namesImported(text: string): string[] {
  const lists = text.matchAll(/(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s*["']@parley\/protocol["']/g)
  return [...lists].flatMap((list) =>
    (list[1] ?? '')
      .split(',')
      .map(
        (name) =>
          name
            .replace(/\btype\b/, '')
            .split(/\bas\b/)[0]
            ?.trim() ?? '',
      )
      .filter((name) => name !== ''),
  )
}

function localise(text: string, up: string): string {
  return text
    .replaceAll(/(["'])@parley\/protocol\1/g, `'${up}/protocol/index.js'`)
    .replaceAll(/(["'])@parley\/kernel\1/g, `'${up}/kernel/src/index.js'`)
}

function writeOut(program: ts.Program, protocolFile: string, names: readonly string[]): string {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(protocolFile)
  const module = source && checker.getSymbolAtLocation(source)
  if (!module) throw new Error(`${protocolFile} is not part of the program`)
  const exported = new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.getName(), symbol]))
  const printer = new TypePrinter(checker)
  const lines = names.map((name) => {
    const found = exported.get(name)
    if (!found) throw new Error(`the protocol exports no ${name}`)
    const symbol = found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found
    if (!(symbol.flags & ts.SymbolFlags.Type)) throw new Error(`${name} is a value: name its type in the declaration`)
    return `export type ${name} = ${printer.print(checker.getDeclaredTypeOfSymbol(symbol))}\n`
  })
  return `// Written out from the schemas of the protocol.\n${lines.join('')}`
}

/** Prints a data type in full: literals, unions, arrays, objects. The protocol has nothing else. */
class TypePrinter {
  readonly #checker: ts.TypeChecker

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker
  }

  print(type: ts.Type): string {
    if (type.isUnion() && !(type.flags & ts.TypeFlags.Boolean)) {
      const members = type.types.map((member) => this.print(member))
      const withoutBooleans = members.filter((member) => member !== 'true' && member !== 'false')
      if (members.length - withoutBooleans.length === 2) withoutBooleans.push('boolean')
      return [...new Set(members.length - withoutBooleans.length === 1 ? members : withoutBooleans)].join(' | ')
    }
    const elements = this.#checker.isArrayType(type)
      ? this.#checker.getTypeArguments(type as ts.TypeReference)
      : undefined
    if (elements?.[0]) return `(${this.print(elements[0])})[]`
    if (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) return this.#printObject(type)
    return this.#checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
  }

  #printObject(type: ts.Type): string {
    const index = this.#checker.getIndexInfosOfType(type).map((info) => {
      return `[key: ${this.#checker.typeToString(info.keyType)}]: ${this.print(info.type)}`
    })
    const properties = this.#checker.getPropertiesOfType(type).map((property) => {
      const optional = property.flags & ts.SymbolFlags.Optional ? '?' : ''
      const printed = this.print(this.#checker.getTypeOfSymbol(property))
      const value = optional === '' ? printed : printed.replace(/^undefined \| | \| undefined/, '')
      return `${JSON.stringify(property.getName())}${optional}: ${value}`
    })
    return `{ ${[...index, ...properties].join('; ')} }`
  }
}
