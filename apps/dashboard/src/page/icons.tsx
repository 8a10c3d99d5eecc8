// The page's few drawings, inline so that nothing else has to be fetched. All decorative: the words beside them speak.
import type { ReactNode } from 'react'

function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  )
}

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
)

export const MutedIcon = () => (
  <Icon>
    <path d="M9 9v2a3 3 0 0 0 5 2.2M15 10.5V6a3 3 0 0 0-5.6-1.5M5.5 11.5a6.5 6.5 0 0 0 10.6 5M18.3 13a6.5 6.5 0 0 0 .2-1.5M12 18v3M4 3.5l16 17" />
  </Icon>
)

export const PlayIcon = () => (
  <Icon>
    <path className="icon-solid" d="M8 5.5v13l10.5-6.5z" />
  </Icon>
)

export const StopIcon = () => (
  <Icon>
    <rect className="icon-solid" x="6.5" y="6.5" width="11" height="11" rx="1.5" />
  </Icon>
)

export const CopyIcon = () => (
  <Icon>
    <rect x="9" y="9" width="11" height="11" rx="2" />
    <path d="M15 9V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h3" />
  </Icon>
)

export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v11m-4.5-4L12 15.5 16.5 11M5 20h14" />
  </Icon>
)

export const ShareIcon = () => (
  <Icon>
    <path d="M9.5 14.5 14.5 9.5M8 11l-2.6 2.6a3.5 3.5 0 0 0 5 5L13 16M16 13l2.6-2.6a3.5 3.5 0 0 0-5-5L11 8" />
  </Icon>
)

export const ArrowDownIcon = () => (
  <Icon>
    <path d="M12 5v14m-6-6 6 6 6-6" />
  </Icon>
)

export const ExpandIcon = () => (
  <Icon>
    <path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />
  </Icon>
)

/** Two bars of a caption, the second still being written. */
export const BrandMark = () => (
  <svg className="brand-mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect className="brand-field" width="32" height="32" rx="7" />
    <path className="brand-line" d="M7 12.5h18" />
    <path className="brand-line brand-line-open" d="M7 20h9" />
    <path className="brand-line brand-line-tail" d="M19.5 20h0M24.5 20h0" />
  </svg>
)
