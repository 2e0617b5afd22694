// A package that is not taken, with the reason in words for whoever made it.

export class PackageRefused extends Error {
  /** @override */
  name = 'PackageRefused'
}

/** In the words of AWS, and then what it is about this archive. @param {string} reason */
export const cannotUnzip = (reason) =>
  new PackageRefused(`Could not unzip uploaded file. Please check your file, then try to upload again. (${reason})`)
