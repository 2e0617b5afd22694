// What a runtime is told when it is bound to a version: the handler and the whole environment of user code.

import { randomBytes } from 'node:crypto'
import type { InitMessage } from '@hearth/protocol'
import type { Version } from '../domain/function.ts'

export interface Locality {
  readonly region: string
  readonly accountId: string
}

const latest = '$LATEST'

export const functionArn = (name: string, { region, accountId }: Locality): string =>
  `arn:aws:lambda:${region}:${accountId}:function:${name}`

export function initMessage(
  version: Version,
  taskRoot: string,
  locality: Locality,
  wallMs: number,
  answerBytesMax: number,
): Omit<InitMessage, 'boundary'> {
  const { config, functionName } = version
  const logGroup = `/aws/lambda/${functionName}`
  const day = new Date(wallMs).toISOString().slice(0, 10).replaceAll('-', '/')
  const logStream = `${day}/[${latest}]${randomBytes(16).toString('hex')}`
  return {
    taskRoot,
    handler: config.handler,
    env: { ...documentedEnvironment(version, taskRoot, locality, logGroup, logStream), ...config.env },
    functionName,
    functionVersion: latest,
    invokedFunctionArn: functionArn(functionName, locality),
    memoryMb: config.memoryMb,
    logGroup,
    logStream,
    answerBytesMax,
  }
}

/** The variables AWS documents. No credential of the operator is ever among them. */
function documentedEnvironment(
  version: Version,
  taskRoot: string,
  { region }: Locality,
  logGroup: string,
  logStream: string,
): Record<string, string> {
  const { config } = version
  const runtimeDir = '/var/runtime'
  const common = {
    _HANDLER: config.handler,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${config.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: version.functionName,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(config.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: latest,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: logStream,
    LAMBDA_TASK_ROOT: taskRoot,
    LAMBDA_RUNTIME_DIR: runtimeDir,
    TZ: ':UTC',
    LANG: 'C.UTF-8',
    PATH: '/usr/local/bin:/usr/bin:/bin:/opt/bin',
    LD_LIBRARY_PATH: `${taskRoot}:${taskRoot}/lib:/opt/lib`,
    HOME: '/tmp',
    PWD: taskRoot,
  }
  return config.language === 'python'
    ? { ...common, PYTHONPATH: runtimeDir, LC_CTYPE: 'C.UTF-8' }
    : { ...common, NODE_PATH: `/opt/nodejs/node_modules:${taskRoot}/node_modules` }
}
