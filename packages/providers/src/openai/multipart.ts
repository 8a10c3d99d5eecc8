// A form with a file, as bytes: written in one piece, with its length known. Pure.

export interface FormFile {
  readonly field: string
  readonly fileName: string
  readonly contentType: string
  readonly bytes: Uint8Array
}

export interface Form {
  readonly contentType: string
  readonly body: Buffer
}

/** `boundary` must occur nowhere in the form. Names and values are ours or of the configuration: without quotes and line ends. */
export function encodeForm(fields: Readonly<Record<string, string>>, file: FormFile, boundary: string): Form {
  const parts: Uint8Array[] = []
  const text = (line: string) => parts.push(Buffer.from(line, 'utf8'))
  for (const [name, value] of Object.entries(fields)) {
    text(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value.replace(/[\r\n]/g, ' ')}\r\n`)
  }
  text(
    `--${boundary}\r\ncontent-disposition: form-data; name="${file.field}"; filename="${file.fileName}"\r\n` +
      `content-type: ${file.contentType}\r\n\r\n`,
  )
  parts.push(file.bytes)
  text(`\r\n--${boundary}--\r\n`)
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(parts) }
}
