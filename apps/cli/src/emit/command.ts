// `parley emit`: configuration of other programs, made from what Parley knows of itself.
import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { createNginxCommand } from './nginx/command.ts'

export function createEmitCommand(context: CliContext): Command {
  return new Command('emit')
    .description('Write configuration for programs around the platform.')
    .addCommand(createNginxCommand(context))
}
