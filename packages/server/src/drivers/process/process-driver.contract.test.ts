import { silentLog } from '../../domain/log.ts'
import { describeDriver } from '../driver.contract.ts'
import { ProcessDriver } from './process-driver.ts'

describeDriver('process', {
  make: (runDir, ownerTag, runtimes) => new ProcessDriver({ runDir, ownerTag, runtimes, log: silentLog }),
})
