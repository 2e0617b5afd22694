// What a test run's report says, as three numbers that cannot look better than the run was.

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   success: boolean,
 *   testResults: { name?: string, status: string, assertionResults: { status: string, fullName?: string }[] }[] }} Report
 */

/**
 * @param {Report | null} report the runner's own, or null when it left none
 * @param {number} exitCode
 * @returns {Count}
 */
export function countTests(report, exitCode) {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 }
  // A file that cannot even be loaded fails without any of its tests failing.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  )
  const failed = report.numFailedTests + brokenFiles.length
  // Faults outside of any test, such as a rejection that nobody handled, show in the exit code alone.
  const unexplained = failed === 0 && (exitCode !== 0 || !report.success) ? 1 : 0
  return {
    passed: report.numPassedTests,
    failed: failed + unexplained,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/**
 * What was left out, for whoever reads the end of the output only. Tests of a file that failed to get ready are not
 * listed: they are told of as failures.
 * @param {Report} report
 * @returns {string[]}
 */
export function skippedTests(report) {
  return report.testResults
    .filter((file) => file.status !== 'failed')
    .flatMap((file) =>
      file.assertionResults
        .filter((test) => test.status === 'pending' || test.status === 'skipped' || test.status === 'todo')
        .map((test) => `${file.name ?? ''}: ${test.fullName ?? ''}`),
    )
}

/** Whether a run may be called green: nothing failed, and something was run at all. @param {Count} count */
export const isComplete = ({ passed, failed }) => failed === 0 && passed > 0
