// A name and how its value comes about. Definitions are made from the plan file; nodes are made from definitions on demand, for
// a month where the value depends on it.
import type { Expr } from '../expression/ast.ts'
import type { Dimension, Standing } from '../plan-file.ts'
import type { Dim } from '../units/dimension.ts'
import type { Unit } from '../units/unit.ts'

/** How a quantity goes on from month to month. */
export interface GrowthSpec {
  /** Value in the first month; also what it is when no month is asked for. */
  readonly from: Expr
  /** Times this in every period of so many months. */
  readonly factor?: Expr
  readonly everyMonths: number
  /** Or rows by month, rising. */
  readonly rows?: readonly { readonly month: number; readonly value: Expr }[]
  readonly between: 'linear' | 'geometric' | 'step'
}

export interface Definition {
  readonly name: string
  readonly expr: Expr
  /** Overrides the expression whenever a month is asked for. */
  readonly growth?: GrowthSpec
  /** What it must be, as the plan file says. */
  readonly expect?: Dimension
  /** Same, with what exactly: hard kinds must equal these; nouns are replaced by these. */
  readonly as?: Dim
  /** Name of another definition that it must be of the same kind as. */
  readonly like?: string
  /** For a wrong unit: what to write instead. */
  readonly example?: string
  /** Unit it is shown in. */
  readonly unit?: Unit
  readonly standing?: Standing
  /** What is counted with inside a range. */
  readonly typical?: Expr
  readonly underdetermined?: boolean
  /** One of many alike (a month after the first): if the first can be computed, so can this. */
  readonly repeated?: boolean
  readonly note?: string
  /** Path in the plan file that problems are reported at: where it is written, or what it is computed for. */
  readonly path?: string
  /** Line of the file it is written in; absent for what is computed. */
  readonly line?: number
}

/** Rows of a stated table: a function that expressions may call. */
export interface TableSpec {
  readonly name: string
  /** Noun (or unit) of the left column. */
  readonly of: Unit
  readonly rows: readonly { readonly at: number; readonly definition: string }[]
  readonly step: boolean
}
