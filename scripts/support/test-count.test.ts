import { expect, test } from 'vitest'
import { countTests, isComplete, skippedTests } from './test-count.mjs'

const report = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  success: true,
  testResults: [{ status: 'passed', assertionResults: [{ status: 'passed' }] }],
}

test('counts what the runner reports', () => {
  expect(countTests(report, 0)).toEqual({ passed: 3, failed: 0, skipped: 2 })
})

test('counts a file that cannot be loaded as one failure', () => {
  const testResults = [
    { status: 'failed', assertionResults: [] },
    { status: 'failed', assertionResults: [{ status: 'failed' }] },
  ]
  expect(countTests({ ...report, success: false, numFailedTests: 1, testResults }, 1).failed).toBe(2)
})

test('counts a bad exit code as a failure when no test explains it', () => {
  expect(countTests(report, 1).failed).toBe(1)
  expect(countTests({ ...report, success: false }, 0).failed).toBe(1)
  expect(countTests({ ...report, success: false, numFailedTests: 2 }, 1).failed).toBe(2)
})

test('counts a runner that left no report as a failure', () => {
  expect(countTests(null, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('calls a run without any test incomplete', () => {
  expect(isComplete({ passed: 0, failed: 0, skipped: 9 })).toBe(false)
  expect(isComplete({ passed: 1, failed: 1, skipped: 0 })).toBe(false)
  expect(isComplete({ passed: 1, failed: 0, skipped: 0 })).toBe(true)
})

test('names what was left out', () => {
  const tests = [
    { status: 'passed', fullName: 'ran' },
    { status: 'skipped', fullName: 'was left out' },
  ]
  const testResults = [{ name: 'a.test.ts', status: 'passed', assertionResults: tests }]
  expect(skippedTests({ ...report, testResults })).toEqual(['a.test.ts: was left out'])
})
