import type { MemoryDirectory } from '../directory/memory/memory-directory.ts'
import { memorySubject } from '../testing/directory-rig.ts'
import { journalContract } from '../testing/journal-contract.ts'
import { MemoryJournal } from './memory-journal.ts'

journalContract('in memory', async () => {
  const subject = await memorySubject()
  return { ...subject, journal: new MemoryJournal(subject.clock, subject.directory as MemoryDirectory) }
})
