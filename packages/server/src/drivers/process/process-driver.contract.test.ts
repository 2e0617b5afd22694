import { describeDriver } from '../driver.contract.ts'
import { ProcessDriver } from './process-driver.ts'

describeDriver('process', {
  make: (parts) => new ProcessDriver(parts),
  from: { module: './process/process-driver.ts', name: 'ProcessDriver' },
  skip: {
    'keeps the code it was given out of the reach of the guest':
      'it has no walls: a guest can write what the server can',
  },
})

// As for a user without rights: sessions, signals and a look at /proc are all there is.
const cgroups = { host: null, reason: 'left out for the test' }
describeDriver('process without control groups', {
  make: (parts) => new ProcessDriver({ ...parts, cgroups }),
  from: { module: './process/process-driver.ts', name: 'ProcessDriver', options: { cgroups } },
  skip: {
    'keeps the code it was given out of the reach of the guest':
      'it has no walls: a guest can write what the server can',
    'ends everything the guest has started, however it hides':
      'what leaves session, folder and environment behind cannot be found',
  },
})
