// The transcript as text: copy, keep as a file, begin anew.
import { useId } from 'react'
import type { CaptionController } from '../caption-controller.ts'
import { type CaptionState, isRunning } from '../model/caption-state.ts'
import { transcriptText } from '../model/transcript.ts'
import { copyText, downloadText } from './clipboard.ts'
import { dateAndTime } from './format.ts'
import { CopyIcon, DownloadIcon } from './icons.tsx'

interface TranscriptActionsProps {
  readonly state: CaptionState
  readonly controller: CaptionController
}

export function TranscriptActions({ state, controller }: TranscriptActionsProps) {
  const headingId = useId()
  const { transcript, phase } = state
  const isEmpty = transcript.lineCount === 0
  const text = () => transcriptText(transcript, dateAndTime)
  const onCopy = async () => {
    const copied = await copyText(text())
    controller.notice(copied ? 'Transcript copied' : 'Copying is not allowed here: download it instead')
  }
  const onDownload = () => {
    downloadText('captions.txt', text())
    controller.notice('Transcript saved as captions.txt')
  }
  return (
    <section className="panel" aria-labelledby={headingId}>
      <h2 className="panel-title" id={headingId}>
        Transcript
      </h2>
      <p className="panel-text">
        {isEmpty ? 'Nothing has been said yet.' : `${lineCountText(transcript.lineCount)}, kept in this page only.`}
      </p>
      {!isEmpty && (
        <div className="button-row">
          <button type="button" className="button" onClick={onCopy}>
            <CopyIcon />
            Copy
          </button>
          <button type="button" className="button" onClick={onDownload}>
            <DownloadIcon />
            Download
          </button>
          {!isRunning(phase) && (
            <button type="button" className="button plain" onClick={() => controller.clear()}>
              Clear
            </button>
          )}
        </div>
      )}
    </section>
  )
}

function lineCountText(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`
}
