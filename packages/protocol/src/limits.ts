// Every bound a user can meet, with its unit in its name. AWS's figures where AWS has one.

export const LIMITS = {
  timeoutSecondsMin: 1,
  timeoutSecondsMax: 900,
  timeoutSecondsDefault: 3,
  memoryMbMin: 64,
  memoryMbMax: 10_240,
  memoryMbDefault: 128,
  /** One full processor at this much memory; less memory, less processor. */
  memoryMbPerCpu: 1_769,
  initSeconds: 10,
  tmpMb: 512,
  tmpInodes: 100_000,
  processes: 256,
  openFiles: 1_024,
  eventBytesMax: 6 * 1024 * 1024,
  /** AWS allows an answer 100 bytes over 6 MiB. */
  answerBytesMax: 6 * 1024 * 1024 + 100,
  /** Head of a route's request or answer as it travels over the channel. */
  headBytesMax: 64 * 1024,
  errorPayloadBytesMax: 256 * 1024,
  logBytesPerCall: 1024 * 1024,
  logLineBytes: 256 * 1024,
  envBytes: 4 * 1024,
  nameLength: 64,
  descriptionLength: 256,
  routeLength: 256,
  inlineCodeBytes: 4 * 1024 * 1024,
  zipBytes: 50 * 1024 * 1024,
  unzippedBytes: 250 * 1024 * 1024,
  zipEntries: 20_000,
  zipPathBytes: 512,
  /** Largest JSON body of the control port: a base64 package and its configuration. */
  deployBodyBytes: 70 * 1024 * 1024,
  jsonBodyBytes: 6 * 1024 * 1024,
  jsonDepth: 128,
  argumentsCount: 64,
  pageSizeDefault: 50,
  pageSizeMax: 1_000,
} as const
