// The functions port: a listener of its own, so that what functions answer shares no origin with the control port.

import { Listener, type ListenerLimits } from '../http/listener.ts'
import { RouteDoor, type RouteDoorParts } from './route-door.ts'

export interface FunctionsDoorParts extends RouteDoorParts {
  readonly host: string
  readonly port: number
  readonly limits?: Partial<ListenerLimits>
}

export async function startFunctionsDoor(parts: FunctionsDoorParts): Promise<Listener> {
  const door = new RouteDoor(parts)
  const { host, port, nextId, log, limits = {} } = parts
  return await Listener.open({ host, port, onRequest: door.handle, nextId, log, limits })
}
