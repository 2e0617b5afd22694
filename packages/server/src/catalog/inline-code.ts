// Turns inline code into the one file of its package. People paste `function handler() {}` and expect it to be called,
// so a JavaScript function that is declared but not exported is exported for them.

import { compileFunction } from 'node:vm'
import type { Language } from '@hearth/protocol'

export interface InlineFile {
  readonly name: string
  readonly text: string
}

/** Inline code is always this file, whatever the language's extension. */
export const inlineModule = 'index'

export function inlineFile(language: Language, code: string, functionName: string): InlineFile {
  return language === 'python'
    ? { name: `${inlineModule}.py`, text: code }
    : { name: `${inlineModule}.js`, text: withExport(code, functionName) }
}

/** The code with an export of `functionName` added where it has none. Appended, so that line numbers stay the author's. */
export function withExport(code: string, functionName: string): string {
  switch (moduleKind(code)) {
    case 'commonjs': {
      // Decided when it runs, because what CommonJS exports is only known then.
      const wanted = `typeof ${functionName} === 'function' && module.exports?.${functionName} === undefined`
      const possible = 'Object.isExtensible(module.exports)'
      const text = `${code}\n;if (${wanted} && ${possible}) module.exports.${functionName} = ${functionName}\n`
      // A name such as `default` cannot be spoken of like this.
      return moduleKind(text) === 'commonjs' ? text : code
    }
    case 'module':
      return exportsNothing(code) && declares(code, functionName) ? `${code}\nexport { ${functionName} }\n` : code
    case 'broken':
      return code
  }
}

/** What V8 says about module syntax in a script: the messages by which Node itself tells modules from CommonJS. */
const moduleSyntax = [
  'Cannot use import statement outside a module',
  "Unexpected token 'export'",
  "Cannot use 'import.meta' outside a module",
  'await is only valid in async functions and the top level bodies of modules',
]

function moduleKind(code: string): 'commonjs' | 'module' | 'broken' {
  try {
    // Compiled as Node would compile it, never run.
    compileFunction(code, ['exports', 'require', 'module', '__filename', '__dirname'])
    return 'commonjs'
  } catch (fault) {
    return fault instanceof SyntaxError && moduleSyntax.includes(fault.message) ? 'module' : 'broken'
  }
}

/** Says no when in doubt: a second export of the same name would break code that works. */
const exportsNothing = (code: string): boolean => !/\bexport\b/.test(code)

const declares = (code: string, name: string): boolean =>
  new RegExp(
    `^(?:async\\s+)?(?:function(?:\\s*\\*\\s*|\\s+)|(?:const|let|var|class)\\s+)${name.replaceAll('$', '\\$')}(?![\\w$])`,
    'm',
  ).test(code)
