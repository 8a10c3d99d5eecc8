// A multipart form with one file, read within bounds.
import type { IncomingMessage } from 'node:http'
import { Busboy, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { err, ok, type Result } from '@parley/kernel'
import { ParleyError, shown } from '@parley/protocol'
import { MAX_FORM_FIELD_BYTES, MAX_FORM_FIELDS, MAX_UPLOAD_BYTES } from './limits.ts'
import { collect, type UploadLimits, withinDeadline } from './upload.ts'

const MAX_NAME_BYTES = 100

export interface FormUpload {
  /** Fields in the order they came, without a trailing `[]` in the names. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Undefined: there is none. */
  readonly file: Buffer | undefined
}

/** Reads a form whose file is `fileField`; undefined when its sender has gone away. */
export async function readForm(
  request: IncomingMessage,
  fileField: string,
  limits: Omit<UploadLimits, 'maxBytes' | 'field'>,
): Promise<Result<FormUpload, ParleyError> | undefined> {
  const { headers } = request
  if (!/^multipart\/form-data *;/i.test(headers['content-type'] ?? '')) {
    const message = `send a form: Content-Type multipart/form-data, got "${shown(headers['content-type'] ?? 'none')}"`
    return err(new ParleyError('UNSUPPORTED_MEDIA_TYPE', { message }))
  }
  if (Number(headers['content-length'] ?? 0) > MAX_UPLOAD_BYTES) return err(tooLarge(fileField))
  return withinDeadline(limits.clock, request, parse(request, fileField, limits))
}

function parse(
  request: IncomingMessage,
  fileField: string,
  limits: Omit<UploadLimits, 'maxBytes' | 'field'>,
): Promise<Result<FormUpload, ParleyError> | undefined> {
  const fields: [string, string][] = []
  let file: Promise<Result<Buffer, ParleyError> | undefined> | undefined
  return new Promise((resolve) => {
    const opened = openParser(request.headers as BusboyHeaders)
    if (opened instanceof ParleyError) return resolve(err(opened))
    const parser = opened
    const refuse = (error: ParleyError) => {
      request.unpipe(parser)
      request.resume()
      resolve(err(error))
    }
    parser.on('field', (name, value, isNameCut, isValueCut) => {
      if (isNameCut || isValueCut) {
        const message = `field "${shown(name)}" has more than ${MAX_FORM_FIELD_BYTES} bytes`
        refuse(new ParleyError('INVALID_FIELD', { field: shown(name), message }))
      } else fields.push([name.replace(/\[\]$/, ''), value])
    })
    parser.on('file', (name, stream) => {
      if (name !== fileField) {
        stream.resume()
        const message = `unknown file "${shown(name)}"; send "${fileField}"`
        refuse(new ParleyError('UNKNOWN_FIELD', { field: shown(name), message }))
        return
      }
      file = collect(stream, { ...limits, maxBytes: MAX_UPLOAD_BYTES, field: fileField })
      void file.then((read) => read && !read.ok && refuse(read.error))
    })
    parser.on('filesLimit', () =>
      refuse(new ParleyError('INVALID_FIELD', { field: fileField, message: 'send one file' })),
    )
    const tooMany = () =>
      refuse(new ParleyError('BAD_REQUEST', { message: `more than ${MAX_FORM_FIELDS} form fields` }))
    parser.on('fieldsLimit', tooMany)
    parser.on('partsLimit', tooMany)
    parser.on('error', (cause) =>
      refuse(
        new ParleyError('BAD_REQUEST', { message: 'the form cannot be read: its parts are not as announced', cause }),
      ),
    )
    parser.on('finish', () => {
      void Promise.resolve(file).then((read) => {
        if (!read) resolve(ok({ fields, file: undefined }))
        else resolve(read.ok ? ok({ fields, file: read.value }) : err(read.error))
      })
    })
    request.pipe(parser)
  })
}

function openParser(headers: BusboyHeaders): BusboyInstance | ParleyError {
  const limits = {
    fieldNameSize: MAX_NAME_BYTES,
    fieldSize: MAX_FORM_FIELD_BYTES,
    fields: MAX_FORM_FIELDS,
    files: 1,
    parts: MAX_FORM_FIELDS + 1,
    headerPairs: MAX_FORM_FIELDS,
  }
  try {
    return new Busboy({ headers, limits })
  } catch (cause) {
    return new ParleyError('BAD_REQUEST', {
      message: 'the form cannot be read: its Content-Type has no boundary',
      cause,
    })
  }
}

function tooLarge(field: string): ParleyError {
  const message = `field "${field}" has more than ${MAX_UPLOAD_BYTES} bytes; send it in parts`
  return new ParleyError('MESSAGE_TOO_LARGE', { field, message })
}
