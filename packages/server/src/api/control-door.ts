// The control port: calls go straight to the invoke door, everything else to the API.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HostCheck } from '../http/host-check.ts'
import { Listener, type ListenerLimits } from '../http/listener.ts'
import { sendError } from '../http/reply.ts'
import { type ApiParts, type ApiRoute, newApi } from './api.ts'
import { addDocumentation } from './documentation.ts'
import { addExecuteRoutes, type ExecuteRoutesParts } from './execute.ts'
import { addFunctionRoutes, type FunctionRoutesParts } from './functions.ts'
import { addHealthRoutes } from './health.ts'
import { addInvocationRoutes, type InvocationRoutesParts } from './invocations.ts'
import { addKeyRoutes } from './keys.ts'
import { addMachineRoutes, type MachineRoutesParts } from './machine.ts'
import { addMetricsRoutes, type MetricsRoutesParts } from './metrics.ts'

export type ControlDoorParts = ApiParts &
  FunctionRoutesParts &
  ExecuteRoutesParts &
  InvocationRoutesParts &
  MetricsRoutesParts &
  MachineRoutesParts & {
    readonly host: string
    readonly port: number
    /** Names beside `localhost`, addresses and `host` that requests may come under. */
    readonly allowedHosts: readonly string[]
    readonly keys: Parameters<typeof addKeyRoutes>[1]['keys']
    readonly isReady: () => boolean
    readonly version: string
    readonly limits?: Partial<ListenerLimits>
  }

export interface ControlDoor {
  readonly address: string
  /** Every route there is and who may use it. */
  readonly routes: readonly ApiRoute[]
  drain(withinMs: number): Promise<void>
  close(): Promise<void>
}

export async function startControlDoor(parts: ControlDoorParts): Promise<ControlDoor> {
  const { api, routes } = newApi(parts)
  await addDocumentation(api, parts.version)
  addFunctionRoutes(api, parts)
  addExecuteRoutes(api, parts)
  addInvocationRoutes(api, parts)
  addMetricsRoutes(api, parts)
  addKeyRoutes(api, parts)
  addMachineRoutes(api, parts)
  addHealthRoutes(api, parts)
  await api.ready()

  const { host, port, takeCall, nextId, log, limits = {} } = parts
  const hosts = new HostCheck([host, ...parts.allowedHosts])
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    try {
      hosts.check(request.headers.host)
    } catch (fault) {
      sendError(request, response, fault, nextId(), log)
      return
    }
    if (!takeCall(request, response)) api.routing(request, response)
  }
  const listener = await Listener.open({ host, port, onRequest, nextId, log, limits })
  return {
    address: listener.address,
    routes,
    drain: (withinMs) => listener.drain(withinMs),
    close: async () => {
      await listener.close()
      await api.close()
    },
  }
}
