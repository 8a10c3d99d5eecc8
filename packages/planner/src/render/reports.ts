// What each answer of the planner says, as a report.
import type { CheckResult, PlanResult } from '../result.ts'
import type { Report, Section } from './report.ts'
import { capacitySections, needsSection, tiersSection } from './sections/capacity.ts'
import { claimsSections, claimsVerdict } from './sections/claims.ts'
import { growthSection } from './sections/growth.ts'
import { notesSection, objectivesSection, quantitiesSection, sensitivitySection } from './sections/judgement.ts'
import { leadOf } from './sections/lead.ts'
import { breakEvenSections, costSection } from './sections/money.ts'
import { stagesSection } from './sections/stages.ts'

/** The answer to a plan; with `check`, what its claims are worth as well. */
export function planReport(result: PlanResult, about: { note?: string; check?: CheckResult } = {}): Report {
  const { note, check } = about
  const claims = check !== undefined && check.claims.length > 0 ? check : undefined
  const all: (Section | undefined)[] = [
    notesSection(result),
    ...capacitySections(result),
    tiersSection(result),
    stagesSection(result),
    growthSection(result),
    costSection(result),
    ...breakEvenSections(result),
    objectivesSection(result),
    sensitivitySection(result),
    ...(claims === undefined ? [] : claimsSections(claims)),
    needsSection(result),
    quantitiesSection(result),
  ]
  return {
    title: result.plan,
    note: note ?? null,
    lead: [...leadOf(result), ...(claims === undefined ? [] : [claimsVerdict(claims)])],
    sections: all.filter((section) => section !== undefined && section.blocks.length > 0) as Section[],
  }
}

/** What the claims of a plan are worth. */
export function checkReport(check: CheckResult): Report {
  return { title: check.plan, note: null, lead: [claimsVerdict(check)], sections: claimsSections(check) }
}
