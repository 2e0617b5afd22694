import { describeDriver } from '../driver.contract.ts'
import { LinuxDriver } from './linux-driver.ts'

describeDriver('linux', {
  make: (parts) => new LinuxDriver(parts),
  from: { module: './linux/linux-driver.ts', name: 'LinuxDriver' },
})
