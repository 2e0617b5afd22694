import { silentLog } from '../../domain/log.ts'
import { describeDriver } from '../driver.contract.ts'
import { LinuxDriver } from './linux-driver.ts'

describeDriver('linux', {
  make: (runDir, ownerTag, runtimes) => new LinuxDriver({ runDir, ownerTag, runtimes, log: silentLog }),
})
