/** Who is in the fleet. */
export * from './member-messages.ts'
