/** For tests of what is built on engines for texts, and for engines themselves. Not for the product. */

export { type BudgetStoreSubject, budgetStoreContract } from '../budgets/testing/budget-store-contract.ts'
export { ScriptedPolisher, type ScriptedTextOptions, ScriptedTranslator } from './scripted-engines.ts'
export * from './scripted-text-service.ts'
export * from './scripted-text-service.ts'
export {
  type PolisherContractOptions,
  polisherContract,
  type TextContractOptions,
  type TextSubject,
  type TranslatorContractOptions,
  translatorContract,
} from './text-engine-contract.ts'
