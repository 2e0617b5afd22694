// The conversation between the host and the runtime inside a sandbox. `docs/runtime.md` tells it in prose;
// the two runtimes implement the other side without depending on this package.
//
// A frame: u32 length of what follows | u8 type | u32 sequence | u32 nonce | payload. All numbers big-endian.
// (sequence, nonce) name a call; the nonce is random, so an answer to a call that is not open cannot be guessed ahead.

export const CHANNEL_VERSION = 1
export const FRAME_HEADER_BYTES = 13
/** What the length field counts beyond the payload: type, sequence, nonce. */
export const FRAME_OVERHEAD_BYTES = 9

export const FRAME = {
  // host -> guest
  /** JSON `InitMessage`: bind to one version, load its handler. Sent once. */
  init: 1,
  /** A call: `CALL_KIND` u8 | timeoutMs u32 | u8 length + request id (ASCII) | u16 length + JSON `CallExtras` or nothing | body. */
  call: 2,
  // guest -> host
  /** JSON `ReadyMessage`: the runtime is up and speaks this version. The first frame, once. */
  ready: 65,
  /** The handler is loaded. Empty payload. */
  inited: 66,
  /** Loading failed; payload is the error JSON the caller will see. The guest exits after it. */
  initFailed: 67,
  /** The guest is about to run this call. Always flushed before user code runs, so a call without it never ran. */
  started: 68,
  /** `ANSWER_STATUS` u8 | `ANSWER_FLAG` bits u8 | body. */
  answer: 69,
} as const

export const CALL_KIND = {
  /** Body is the event's JSON; empty means `{}`. The handler gets (event, context). */
  event: 0,
  /** Body is u32 length + head + request body; see `HttpCallHead`. */
  http: 1,
  /** Body is a JSON array; the handler gets its items as positional arguments. */
  arguments: 2,
} as const
export type CallKind = (typeof CALL_KIND)[keyof typeof CALL_KIND]

export const ANSWER_STATUS = {
  /** Body: the handler's value as JSON; for a call of kind http: u32 length + head + body (see `HttpAnswerHead`). */
  returned: 0,
  /** Body: error JSON in AWS's shape for the language, with `errorType` and `errorMessage`. */
  failed: 1,
  /** The call's body was not valid JSON; the handler was not run. Body: UTF-8 message. */
  rejected: 2,
} as const

export const ANSWER_FLAG = {
  /** The call printed on stdout (stderr), and a boundary line for it is in that stream or on its way. */
  stdoutBoundary: 1,
  stderrBoundary: 2,
} as const

/**
 * Boundary line the runtime writes to stdout and stderr after a call that printed there:
 * NUL, the boundary secret of `InitMessage`, `:`, the call's sequence in decimal, newline.
 */
export const boundaryPrefix = (secret: string): string => `\0${secret}:`

/**
 * Head of a call of kind http: fields joined by NUL, latin-1, in this order, then route parameters (percent-encoded
 * values as they came) and headers as name, value, name, value. NUL cannot occur in any of them.
 */
export const HTTP_CALL_FIELDS = [
  'method',
  'rawPath',
  'rawQueryString',
  'protocol',
  'sourceIp',
  'domainName',
  'apiId',
  'timeEpochMs',
  'parameterCount',
] as const

// Head of an answer to http: latin-1, NUL between fields: status code, then name, value, name, value
// (a repeated name such as set-cookie may occur several times). Header values are bytes 0x20-0x7e, 0x80-0xff and tab.

export interface ReadyMessage {
  readonly channel: number
  readonly runtime: string
  readonly languageVersion: string
}

export interface InitMessage {
  /** Directory of the function's code as the guest sees it. */
  readonly taskRoot: string
  /** `file.export`, AWS style. */
  readonly handler: string
  /** Whole environment for user code: the function's own variables and the documented AWS ones. */
  readonly env: Readonly<Record<string, string>>
  readonly functionName: string
  readonly functionVersion: string
  readonly invokedFunctionArn: string
  readonly memoryMb: number
  readonly logGroup: string
  readonly logStream: string
  /** 32 hex digits; see `boundaryPrefix`. */
  readonly boundary: string
  readonly answerBytesMax: number
}

export interface CallExtras {
  readonly traceId?: string
  readonly invokedFunctionArn?: string
  readonly clientContext?: unknown
  readonly identity?: unknown
}
