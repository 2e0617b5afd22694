import { describeStore } from '../store.contract.ts'
import { MemoryStore } from './memory-store.ts'

describeStore('the memory store', async () => ({ store: new MemoryStore(), remove: async () => {} }))
